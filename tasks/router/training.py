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
    TrainingRows,
    TurnEncoder,
    check_expert,
    count_response_tokens,
    load_base,
    order_rows,
    quiet_libraries,
    run_trainer,
    to_training_rows,
)
from tasks.router.batches import collate, sample_batches
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
    device: str = "auto",
    token: str | None = None,
    own_rows: Mapping[str, pl.DataFrame] | None = None,
    checkpoints: Checkpoints | None = None,
    held_out: pl.DataFrame | None = None,
) -> dict[str, Any]:
    """Join the experts on `base`, train for `n_steps` on `rows` and write the mixture into `folder`.

    Rows (dialogue_id, turn_key, prompt, completion) are rendered, cut and batched as the experts' were. Beside the
    mixture stand training.json (losses, gates of each layer during training and after it, by subset and by class of
    token, times, versions), rows.parquet (dialogue_id, turn_key of every turn it saw) and token_gates.json (a few
    dialogues token by token: of `held_out` where it is given, else of those it saw). Returns facts for the manifest;
    `n_rows` are the turns it saw.
    The same inputs give the same mixture to the byte on a CPU, also if it goes on from one of its checkpoints.
    `own_rows` are each expert's turns by its name; only the init 'data' looks at them.
    Raises ArtifactError for experts of another base, UsageError without rows, ConfigError if training diverges,
    StoppedShortError if the time is up.
    """
    started = time.monotonic()
    for expert_folder in expert_folders.values():
        check_expert(expert_folder, base)
    with quiet_libraries():
        model, tokenizer = load_base(base, device, token)
        encoded = to_training_rows(rows, tokenizer, expert_config.prompt_format, expert_config.max_length)
        batch_size = expert_config.batch_size
        n_steps = n_steps or config.max_steps or math.ceil(len(encoded.frame) * config.epochs / batch_size)
        ordered = order_rows(encoded.frame, n_steps, batch_size, config.seed)
        compose_mixture(model, expert_folders, config.routing, config.init_std, config.seed)
        if config.init == "data":
            aim_gates(model, sample_own(own_rows or {}, list(expert_folders), model, tokenizer, expert_config))
        course = fit_mixture(model, tokenizer, ordered, config, expert_config, checkpoints)
        encoder = TurnEncoder(tokenizer, expert_config.prompt_format)
        gates = inspect_gates(model, encoder, encoded.frame, rows, batch_size)
        save_mixture(model, base, folder)
        write_token_gates(model, encoder, rows, held_out, folder, expert_config.max_length)
    seen = ordered.select("dialogue_id", "turn_key").unique().sort("dialogue_id", "turn_key")
    seen.write_parquet(folder / ROWS_FILE)
    facts = {**count_rows(encoded, ordered), "n_steps": n_steps, "last_loss": course["loss"][-1]["loss"]}
    times = {"seconds": round(time.monotonic() - started, 1), "train_seconds": course.pop("train_seconds")}
    record = {**facts, **times, **course, **gates, **describe_setup(base, config, expert_config)}
    (folder / TRAINING_FILE).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return {**facts, **times}


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
    ordered: pl.DataFrame,
    config: RouterConfig,
    expert_config: ExpertConfig,
    checkpoints: Checkpoints | None = None,
) -> dict[str, Any]:
    """Train what the config says of a composed model, on the rows in the order they come.

    Returns `loss` (step, loss and learning rate of the gates, of every step), `gates_by_step` (of some steps, see
    `collect_gates`) and `train_seconds`, what it took here. Goes on from the newest checkpoint where there is one.
    Raises StoppedShortError if the time is up.
    """
    from transformers import set_seed

    from tasks.router.trainer import STEP, choose_trainable
    from tasks.router.watched_trainer import WatchedTrainer, collect_gates

    set_seed(config.seed)
    choose_trainable(model, config.train, expert_config.lora_dropout)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="empathy-route-") as scratch:
        kept = checkpoints or Checkpoints(Path(scratch), math.inf)
        trainer = WatchedTrainer(
            model=model,
            args=make_arguments(config, expert_config.batch_size, len(ordered), model.device.type, str(kept.folder)),
            train_dataset=ordered.select("input_ids", "labels").to_dicts(),
            data_collator=partial(collate, pad_id=tokenizer.pad_token_id),
            expert_learning_rate=config.expert_learning_rate,
        )
        steps = run_trainer(trainer, kept, STEP)
    model.eval().requires_grad_(False)
    seconds = round(time.monotonic() - started, 1)
    return {"loss": steps, "gates_by_step": collect_gates(trainer.state.log_history), "train_seconds": seconds}


def make_arguments(config: RouterConfig, batch_size: int, n_rows: int, device: str, scratch: str) -> TrainingArguments:
    """Return the trainer's arguments: rows come ready and in order, nothing is saved or sent anywhere."""
    from transformers import TrainingArguments

    on_gpu = device == "cuda"
    return TrainingArguments(
        output_dir=scratch,
        max_steps=n_rows // batch_size,
        per_device_train_batch_size=batch_size,
        learning_rate=config.learning_rate,
        bf16=on_gpu,
        gradient_checkpointing=on_gpu,
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        train_sampling_strategy="sequential",
        seed=config.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",  # by the clock instead
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )


def count_rows(encoded: TrainingRows, ordered: pl.DataFrame) -> dict[str, int]:
    """Return what was trained on: `n_rows` different turns, and tokens of all steps together."""
    return {
        "n_rows": len(ordered.select("dialogue_id", "turn_key").unique()),
        "n_tokens": int(ordered["input_ids"].list.len().sum()),
        "n_response_tokens": count_response_tokens(ordered),
        "n_truncated": encoded.n_truncated,
        "n_dropped": encoded.n_dropped,
    }


def describe_setup(base: Base, config: RouterConfig, expert_config: ExpertConfig) -> dict[str, Any]:
    """Return what a mixture was made with."""
    return {
        "base": {"name": base.name, "revision": base.revision, "digest": base.digest},
        "config": {"router": config.model_dump(mode="json"), "expert": expert_config.model_dump(mode="json")},
        "versions": {library: version(library) for library in LIBRARIES},
    }
