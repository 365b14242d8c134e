"""The router stage: two experts are joined, the mixture learns from its turns, and is written down."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tasks.config import ExpertConfig, RouterConfig
from tasks.errors import ConfigError
from tasks.experts import (
    Base,
    Checkpoints,
    Lesson,
    Runtime,
    TurnEncoder,
    check_expert,
    check_memory,
    choose_device,
    collate,
    is_main_process,
    is_sharded,
    list_targets,
    load_base,
    load_shape,
    load_tokenizer,
    prepare_lesson,
    quiet_libraries,
    run_trainer,
    share_arguments,
    split_step,
    to_training_rows,
)
from tasks.router.batches import sample_batches
from tasks.router.compose import compose_mixture
from tasks.router.gate_groups import inspect_gates
from tasks.router.gate_init import aim_gates
from tasks.router.mixture import save_mixture
from tasks.router.token_gates import write_token_gates

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments

TRAINING_FILE = "training.json"
ROWS_FILE = "rows.parquet"
LIBRARIES = ("torch", "transformers", "peft", "accelerate")


def train_mixture(  # noqa: PLR0913 - the stage's inputs, its two configs, and where
    base: Base,
    expert_folders: Mapping[str, Path],
    rows: pl.DataFrame,
    config: RouterConfig,
    expert_config: ExpertConfig,
    folder: Path,
    n_steps: int | None = None,
    own_rows: Mapping[str, pl.DataFrame] | None = None,
    held_out: pl.DataFrame | None = None,
    valid: pl.DataFrame | None = None,
    runtime: Runtime = Runtime(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Join the experts on `base`, train for `n_steps` on `rows` and write the mixture into `folder`.

    Rows (dialogue_id, turn_key, prompt, completion) are rendered, cut and batched as the experts' were. Beside the
    mixture stand training.json (losses, gates of each layer during training and after it, by subset and by class of
    token, times, versions), rows.parquet (dialogue_id, turn_key of every turn it saw) and token_gates.json (a few
    dialogues token by token: of `held_out` where it is given, else of those it saw). Returns facts for the manifest;
    `n_rows` are the turns it saw.
    The same inputs give the same mixture to the byte on a CPU, also if it goes on from one of its checkpoints.
    Of several processes that train together only the main one writes.
    `own_rows` are each expert's turns by its name; only the init 'data' looks at them. `valid` are turns that the loss
    is measured on while it trains, where the experts' config says so.
    Raises ArtifactError for experts of another base, UsageError without rows or for turns that are too long,
    ConfigError if training diverges, memory does not fit or FSDP is asked for, StoppedShortError if the time is up.
    """
    started = time.monotonic()
    refuse_sharded()
    split_step(expert_config)
    for expert_folder in expert_folders.values():
        check_expert(expert_folder, base)
    with quiet_libraries():
        tokenizer = load_tokenizer(base, runtime.token)
        lesson = prepare_lesson(rows, valid, base, tokenizer, expert_config, config, n_steps, runtime)
        shape = load_shape(base, runtime.token)
        targets = list_targets(shape, expert_config)
        check_memory(shape, lesson, expert_config, targets, runtime, n_adapters=len(expert_folders))
        model, tokenizer = load_base(base, runtime.device, runtime.token)
        compose_mixture(model, expert_folders, config.routing, config.init_std, config.seed)
        if config.init == "data":
            aim_gates(model, sample_own(own_rows or {}, list(expert_folders), model, tokenizer, expert_config))
        course = fit_mixture(model, tokenizer, lesson, config, expert_config, runtime)
        gates: dict[str, Any] = {}
        if is_main_process():
            encoder = TurnEncoder(tokenizer, expert_config.prompt_format)
            gates = inspect_gates(model, encoder, lesson.encoded.frame, rows, expert_config.batch_size)
            save_mixture(model, base, folder)
            write_token_gates(model, encoder, rows, held_out, folder, expert_config.max_length)
    facts = {**lesson.count(), "n_steps": lesson.n_steps, **course.pop("summary")}
    # what it took is no part of what was made: equal models are equal files
    times = {"seconds": round(time.monotonic() - started, 1), "train_seconds": course.pop("train_seconds")}
    record = {**facts, **course, **gates, **describe_setup(base, config, expert_config)}
    if is_main_process():
        lesson.list_seen().write_parquet(folder / ROWS_FILE)
        (folder / TRAINING_FILE).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return {**facts, **times}


def refuse_sharded() -> None:
    """Raise ConfigError under FSDP: gates are looked at and tokens generated with the whole model at hand."""
    if is_sharded():
        raise ConfigError(
            "The router stage does not train a model that is spread over processes.",
            where="EMPATHY_ACCELERATE_CONFIG",
            do="train it with deployments/accelerate/ddp.yaml: every GPU holds the base once",
        )


def sample_own(
    own_rows: Mapping[str, pl.DataFrame],
    experts: Sequence[str],
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    config: ExpertConfig,
) -> dict[str, list[dict[str, Tensor]]]:
    """Return batches of some of each expert's own turns. Raises ConfigError if an expert has none."""
    if missing := [name for name in experts if name not in own_rows]:
        raise ConfigError(
            f"There are no turns of {', '.join(missing)} for the gates to start from.",
            where="router.init=data",
            do="give own_rows, or use the init 'normal'",
        )

    def sample(rows: pl.DataFrame) -> list[dict[str, Tensor]]:
        frame = to_training_rows(rows, tokenizer, config.prompt_format, config.max_length).frame
        return list(sample_batches(frame, tokenizer.pad_token_id, config.batch_size, model.device))

    return {name: sample(own_rows[name]) for name in experts}


def fit_mixture(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    lesson: Lesson,
    config: RouterConfig,
    expert_config: ExpertConfig,
    runtime: Runtime = Runtime(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Train what the config says of a composed model, on the lesson's rows in their order.

    Returns what `Course.describe` does (the learning rate is the gates'), its `summary`, `gates_by_step` (of some
    steps, see `collect_gates`) and `train_seconds`, what it took here. Goes on from the newest checkpoint where there
    is one. Raises StoppedShortError if the time is up.
    """
    from transformers import set_seed

    from tasks.router.trainer import STEP, choose_trainable
    from tasks.router.watched_trainer import WatchedTrainer, collect_gates

    set_seed(config.seed)
    choose_trainable(model, config.train, expert_config.lora_dropout)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="empathy-route-") as scratch:
        kept = runtime.checkpoints or Checkpoints(Path(scratch), math.inf)
        trainer = WatchedTrainer(
            model=model,
            args=make_arguments(
                config, expert_config, lesson.n_steps, choose_device(runtime.device), str(kept.folder), runtime
            ),
            train_dataset=lesson.ordered.select("input_ids", "labels").to_dicts(),
            data_collator=partial(collate, pad_id=tokenizer.pad_token_id),
            expert_learning_rate=config.expert_learning_rate,
        )
        course = run_trainer(trainer, kept, STEP, lesson, expert_config, tokenizer.pad_token_id, runtime.tracking)
    model.eval().requires_grad_(False)
    return {
        **course.describe(),
        "summary": course.summarise(),
        "gates_by_step": collect_gates(trainer.state.log_history),
        "train_seconds": round(time.monotonic() - started, 1),
    }


def make_arguments(
    config: RouterConfig, expert_config: ExpertConfig, n_steps: int, device: str, scratch: str, runtime: Runtime
) -> TrainingArguments:
    """Return the trainer's arguments. Raises ConfigError if a step's turns cannot be split as the config says."""
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=scratch,
        learning_rate=config.learning_rate,
        seed=config.seed,
        **share_arguments(expert_config, n_steps, device, runtime.tracking),
    )


def describe_setup(base: Base, config: RouterConfig, expert_config: ExpertConfig) -> dict[str, Any]:
    """Return what a mixture was made with."""
    return {
        "base": {"name": base.name, "revision": base.revision, "digest": base.digest},
        "config": {"router": config.model_dump(mode="json"), "expert": expert_config.model_dump(mode="json")},
        "versions": {library: version(library) for library in LIBRARIES},
    }
