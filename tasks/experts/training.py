"""Fine-tuning of one LoRA adapter, an expert or a control, on its rows."""

from __future__ import annotations

import json
import math
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tasks.config import ExpertConfig
from tasks.experts.arguments import share_arguments, split_step
from tasks.experts.bases import Base, choose_device, load_base, load_shape, load_tokenizer
from tasks.experts.checkpoints import Checkpoints
from tasks.experts.lesson import Lesson, prepare_lesson
from tasks.experts.memory import check_memory
from tasks.experts.quiet import quiet_libraries
from tasks.experts.ranks import is_main_process
from tasks.experts.running import Course, gather_trained, run_trainer
from tasks.experts.runtime import Runtime
from tasks.experts.targets import list_targets

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import SFTConfig

TRAINING_FILE = "training.json"
ROWS_FILE = "rows.parquet"
WEIGHTS_FILE = "adapter_model.safetensors"
WRAPPER = "_checkpoint_wrapped_module."
"""What FSDP's activation checkpointing puts into the names of a layer's weights."""
LIBRARIES = ("torch", "transformers", "peft", "trl")


def train_expert(
    base: Base,
    rows: pl.DataFrame,
    config: ExpertConfig,
    folder: Path,
    name: str,
    n_steps: int | None = None,
    valid: pl.DataFrame | None = None,
    runtime: Runtime = Runtime(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Train an adapter on `rows` (dialogue_id, turn_key, prompt, completion) and write it into `folder`.

    Written are the PEFT adapter, training.json (every step's loss, counts, versions) and rows.parquet
    (dialogue_id, turn_key of every turn it saw). Returns facts for the manifest; `n_rows` are the turns it saw.
    `valid` are turns that its loss is measured on while it trains, where the config says so.
    The same inputs give the same adapter to the byte on a CPU, also if it goes on from one of its checkpoints.
    Of several processes that train together only the main one writes.
    Everything that can be refused is refused before the model is loaded. Raises UsageError if there is nothing to
    learn from or turns are too long, ConfigError if the base, the config or the memory does not fit,
    StoppedShortError if the time is up.
    """
    started = time.monotonic()
    split_step(config)
    with quiet_libraries():
        tokenizer = load_tokenizer(base, runtime.token)
        lesson = prepare_lesson(rows, valid, base, tokenizer, config, config, n_steps, runtime)
        shape = load_shape(base, runtime.token)
        check_memory(shape, lesson, config, list_targets(shape, config), runtime)
        model, tokenizer = load_base(base, runtime.device, runtime.token)
        loaded = time.monotonic()
        trained, course = fit_adapter(model, tokenizer, lesson, config, name, runtime)
        save_adapter(trained, base, folder)
    facts = {"name": name, **lesson.count(), "n_steps": lesson.n_steps, **course.summarise()}
    # what it took is no part of what was made: equal models are equal files
    times = {"seconds": round(time.monotonic() - started, 1), "train_seconds": round(time.monotonic() - loaded, 1)}
    record = {**facts, **course.describe(), **describe_setup(base, config)}
    if is_main_process():
        lesson.list_seen().write_parquet(folder / ROWS_FILE)
        (folder / TRAINING_FILE).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return {**facts, **times}


def fit_adapter(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    lesson: Lesson,
    config: ExpertConfig,
    name: str,
    runtime: Runtime = Runtime(),  # noqa: B008 - frozen
) -> tuple[PeftModel, Course]:
    """Return the model with a new adapter, trained on the lesson's rows in their order, and how it went.

    Goes on from the newest checkpoint where there is one. Raises StoppedShortError if the time is up.
    """
    from datasets import Dataset

    from tasks.experts.trainer import ExpertTrainer, StepLog

    with tempfile.TemporaryDirectory(prefix="empathy-train-") as scratch:
        kept = runtime.checkpoints or Checkpoints(Path(scratch), math.inf)
        adapted = add_adapter(model, config)
        trainer = ExpertTrainer(
            model=adapted,
            args=make_arguments(config, lesson.n_steps, choose_device(runtime.device), str(kept.folder), runtime),
            train_dataset=Dataset(lesson.ordered.select("input_ids", "labels").to_arrow()),
            processing_class=tokenizer,
            callbacks=[StepLog(f"train {name}")],
        )
        course = run_trainer(trainer, kept, f"train {name}", lesson, config, tokenizer.pad_token_id, runtime.tracking)
    return adapted.eval(), course


def add_adapter(model: PreTrainedModel, config: ExpertConfig) -> PeftModel:
    """Return the model with a fresh LoRA adapter. Raises ConfigError if it has none of the target modules."""
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(list_targets(model, config)),
    )
    set_seed(config.seed)
    return get_peft_model(model, lora)


def make_arguments(config: ExpertConfig, n_steps: int, device: str, scratch: str, runtime: Runtime) -> SFTConfig:
    """Return the trainer's arguments. Raises ConfigError if a step's turns cannot be split as the config says."""
    from trl import SFTConfig

    return SFTConfig(
        output_dir=scratch,
        learning_rate=config.learning_rate,
        seed=config.seed,
        max_length=None,  # cut already, and only at the context's beginning
        dataset_kwargs={"skip_prepare_dataset": True},
        **share_arguments(config, n_steps, device, runtime.tracking),
    )


def save_adapter(model: PeftModel, base: Base, folder: Path) -> None:
    """Write the adapter as a PEFT folder whose bytes depend on nothing but its content.

    Every process calls it, as each may hold a part of the weights, and the main one writes.
    """
    weights = gather_trained(model)
    if not is_main_process():
        return
    adapter = model.peft_config["default"]
    adapter.base_model_name_or_path, adapter.revision = base.name, base.revision or None
    model.save_pretrained(str(folder), state_dict=weights, save_embedding_layers=False)  # "auto" would ask a hub
    if any(WRAPPER in name for name in weights):
        unwrap_names(folder / WEIGHTS_FILE)
    (folder / "README.md").unlink(missing_ok=True)  # an empty model card, with a path of this machine
    path = folder / "adapter_config.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved["target_modules"] = sorted(saved["target_modules"])  # it comes out of a set
    path.write_text(json.dumps(saved, indent=2, sort_keys=True), encoding="utf-8")


def unwrap_names(path: Path) -> None:
    """Give the weights in a file the names they have without FSDP."""
    from safetensors.torch import load_file, save_file

    weights = {name.replace(WRAPPER, ""): value for name, value in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})


def describe_setup(base: Base, config: ExpertConfig) -> dict[str, Any]:
    """Return what an adapter was made with."""
    return {
        "base": {"name": base.name, "revision": base.revision, "digest": base.digest},
        "config": config.model_dump(mode="json"),
        "versions": {library: version(library) for library in LIBRARIES},
    }
