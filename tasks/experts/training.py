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
from tasks.errors import ConfigError
from tasks.experts.bases import Base, load_base
from tasks.experts.batches import order_rows
from tasks.experts.checkpoints import Checkpoints
from tasks.experts.encoding import TrainingRows, count_response_tokens, to_training_rows
from tasks.experts.quiet import quiet_libraries
from tasks.experts.running import run_trainer

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import SFTConfig

TRAINING_FILE = "training.json"
ROWS_FILE = "rows.parquet"
MLP_LINEARS = ("gate_proj", "up_proj", "down_proj")
TARGET_MODULES = {
    "composable": MLP_LINEARS,
    "paper": ("q_proj", "k_proj", "v_proj", "o_proj", *MLP_LINEARS),
}
LIBRARIES = ("torch", "transformers", "peft", "trl")


def train_expert(  # noqa: PLR0913 - the stage's inputs, where it writes and where it runs
    base: Base,
    rows: pl.DataFrame,
    config: ExpertConfig,
    folder: Path,
    name: str,
    n_steps: int | None = None,
    device: str = "auto",
    token: str | None = None,
    checkpoints: Checkpoints | None = None,
) -> dict[str, Any]:
    """Train an adapter on `rows` (dialogue_id, turn_key, prompt, completion) and write it into `folder`.

    Written are the PEFT adapter, training.json (every step's loss, counts, versions) and rows.parquet
    (dialogue_id, turn_key of every turn it saw). Returns facts for the manifest; `n_rows` are the turns it saw.
    The same inputs give the same adapter to the byte on a CPU, also if it goes on from one of its checkpoints.
    Raises UsageError if there is nothing to learn from, ConfigError if the base or the config does not fit,
    StoppedShortError if the time is up.
    """
    started = time.monotonic()
    with quiet_libraries():
        model, tokenizer = load_base(base, device, token)
        encoded = to_training_rows(rows, tokenizer, config.prompt_format, config.max_length)
        n_steps = n_steps or config.max_steps or math.ceil(len(encoded.frame) * config.epochs / config.batch_size)
        ordered = order_rows(encoded.frame, n_steps, config.batch_size, config.seed)
        loaded = time.monotonic()
        trained, log = fit_adapter(model, tokenizer, ordered, config, name, checkpoints)
        save_adapter(trained, base, folder)
    seen = ordered.select("dialogue_id", "turn_key").unique().sort("dialogue_id", "turn_key")
    seen.write_parquet(folder / ROWS_FILE)
    facts = {"name": name, **count_rows(encoded, ordered), "n_steps": n_steps, "last_loss": log[-1]["loss"]}
    times = {"seconds": round(time.monotonic() - started, 1), "train_seconds": round(time.monotonic() - loaded, 1)}
    record = {**facts, **times, "loss": log, **describe_setup(base, config)}
    (folder / TRAINING_FILE).write_text(json.dumps(record, indent=1), encoding="utf-8")
    return {**facts, **times}


def fit_adapter(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    ordered: pl.DataFrame,
    config: ExpertConfig,
    name: str,
    checkpoints: Checkpoints | None = None,
) -> tuple[PeftModel, list[dict[str, float]]]:
    """Return the model with a new adapter, trained on the rows in the order they come, and every step's loss.

    Goes on from the newest checkpoint where there is one. Raises StoppedShortError if the time is up.
    """
    from datasets import Dataset

    from tasks.experts.trainer import ExpertTrainer, StepLog

    n_steps = math.ceil(len(ordered) / config.batch_size)
    with tempfile.TemporaryDirectory(prefix="empathy-train-") as scratch:
        kept = checkpoints or Checkpoints(Path(scratch), math.inf)
        adapted = add_adapter(model, config)
        trainer = ExpertTrainer(
            model=adapted,
            args=make_arguments(config, n_steps, model.device.type, str(kept.folder)),
            train_dataset=Dataset(ordered.select("input_ids", "labels").to_arrow()),
            processing_class=tokenizer,
            callbacks=[StepLog(f"train {name}")],
        )
        log = run_trainer(trainer, kept, f"train {name}")
    return adapted.eval(), log


def add_adapter(model: PreTrainedModel, config: ExpertConfig) -> PeftModel:
    """Return the model with a fresh LoRA adapter. Raises ConfigError if it has none of the target modules."""
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    targets = TARGET_MODULES[config.target_modules]
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(targets),
    )
    found = {path.rsplit(".", 1)[-1] for path, _ in model.named_modules()}
    if missing := [target for target in targets if target not in found]:
        raise ConfigError(
            f"{type(model).__name__} has no {', '.join(missing)}: only Llama-shaped models can be trained.",
            where=f"expert.target_modules={config.target_modules}",
            do="use a base model of the Llama, Mistral, Qwen or Gemma families",
        )
    set_seed(config.seed)
    return get_peft_model(model, lora)


def make_arguments(config: ExpertConfig, n_steps: int, device: str, scratch: str) -> SFTConfig:
    """Return the trainer's arguments: rows come ready and in order, nothing is saved or sent anywhere."""
    from trl import SFTConfig

    on_gpu = device == "cuda"
    return SFTConfig(
        output_dir=scratch,
        max_steps=n_steps,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        bf16=on_gpu,
        gradient_checkpointing=on_gpu,
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        max_length=None,  # cut already, and only at the context's beginning
        dataset_kwargs={"skip_prepare_dataset": True},
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


def save_adapter(model: PeftModel, base: Base, folder: Path) -> None:
    """Write the adapter as a PEFT folder whose bytes depend on nothing but its content."""
    adapter = model.peft_config["default"]
    adapter.base_model_name_or_path, adapter.revision = base.name, base.revision or None
    model.save_pretrained(str(folder), save_embedding_layers=False)  # "auto" would ask a hub for the base
    (folder / "README.md").unlink(missing_ok=True)  # an empty model card, with a path of this machine
    path = folder / "adapter_config.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved["target_modules"] = sorted(saved["target_modules"])  # it comes out of a set
    path.write_text(json.dumps(saved, indent=2, sort_keys=True), encoding="utf-8")


def count_rows(encoded: TrainingRows, ordered: pl.DataFrame) -> dict[str, int]:
    """Return what was trained on: `n_rows` different turns, and tokens of all steps together."""
    return {
        "n_rows": len(ordered.select("dialogue_id", "turn_key").unique()),
        "n_tokens": int(ordered["input_ids"].list.len().sum()),
        "n_response_tokens": count_response_tokens(ordered),
        "n_truncated": encoded.n_truncated,
        "n_dropped": encoded.n_dropped,
    }


def describe_setup(base: Base, config: ExpertConfig) -> dict[str, Any]:
    """Return what an adapter was made with."""
    return {
        "base": {"name": base.name, "revision": base.revision, "digest": base.digest},
        "config": config.model_dump(mode="json"),
        "versions": {library: version(library) for library in LIBRARIES},
    }
