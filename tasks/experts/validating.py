"""The loss on turns that are not learned from, measured while a training runs, and the weights that did best on them.

It defines a trainer's callback, so import it inside functions only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tasks.config import ExpertConfig
from tasks.experts.arguments import split_step
from tasks.experts.batches import collate
from tasks.experts.losses import label_nlls

BEST_FILE = "best.safetensors"


def plan_looks(n_steps: int, n_looks: int) -> set[int]:
    """Return the steps after which a training is looked at: evenly spread, the last one always."""
    return {math.ceil(n_steps * look / n_looks) for look in range(1, n_looks + 1)}


class LookAtValid(TrainerCallback):
    """Logs `eval_loss` (nats a response token) at some steps, and keeps the best weights where they are wanted."""

    def __init__(self, trainer: Trainer, rows: pl.DataFrame, config: ExpertConfig, pad_id: int, folder: Path) -> None:
        self.trainer, self.config, self.path = trainer, config, folder / BEST_FILE
        by_length = rows.sort(pl.col("input_ids").list.len(), descending=True)
        size, _ = split_step(config)
        self.batches = [collate(part.to_dicts(), pad_id) for part in by_length.iter_slices(size)]
        self.best = math.inf

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - transformers calls it so
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002 - likewise
        **kwargs: Any,  # noqa: ARG002 - likewise
    ) -> None:
        """Take up the best of a run that was stopped; what it found after its checkpoint is found again."""
        step, loss = read_best(self.path)
        if step > state.global_step:
            if state.is_world_process_zero:
                self.path.unlink(missing_ok=True)
        elif step:
            self.best = loss

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002 - likewise
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002 - likewise
    ) -> None:
        """Measure where it is time to, and keep the weights if none did better."""
        if state.global_step not in plan_looks(state.max_steps, self.config.n_evaluations):
            return
        loss = self.measure()
        is_logged = control.should_log
        self.trainer.log({"eval_loss": loss})
        control.should_log = is_logged  # logging takes it back, and the step's own loss is still to be logged
        if self.config.keep == "best" and loss < self.best:
            self.best = loss
            if self.trainer.is_world_process_zero():
                write_best(
                    self.trainer.accelerator.unwrap_model(self.trainer.model), self.path, state.global_step, loss
                )

    def measure(self) -> float:
        """Return the mean negative log-likelihood of the response tokens of all rows, without dropout."""
        model, device = self.trainer.model_wrapped, self.trainer.args.device
        head = self.trainer.accelerator.unwrap_model(self.trainer.model).get_output_embeddings()
        was_training = model.training
        model.eval()
        total, n_tokens = 0.0, 0
        with torch.no_grad(), self.trainer.compute_loss_context_manager():
            for batch in self.batches:
                nlls = label_nlls(model, head, **{name: values.to(device) for name, values in batch.items()})
                total, n_tokens = total + float(nlls.double().sum()), n_tokens + len(nlls)
        model.train(was_training)
        return total / n_tokens


def list_trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that a training changes, by name."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def write_best(model: nn.Module, path: Path, step: int, loss: float) -> None:
    """Keep the weights of a step, in place of those of an earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    weights = {name: value.detach().cpu().contiguous() for name, value in list_trained(model).items()}
    save_file(weights, partial, metadata={"step": str(step), "loss": repr(loss)})
    partial.replace(path)


def read_best(path: Path) -> tuple[int, float]:
    """Return the step of the kept weights and its loss; 0 and infinity if none are kept."""
    try:
        with safe_open(path, "pt") as file:
            found = file.metadata()
    except FileNotFoundError:  # or gone meanwhile: another process of this training looks, too
        return 0, math.inf
    return int(found["step"]), float(found["loss"])


def restore_best(model: nn.Module, path: Path) -> int:
    """Give a trained model its best weights and return their step."""
    weights, (step, _) = load_file(path), read_best(path)
    with torch.no_grad():
        for name, value in list_trained(model).items():
            value.copy_(weights[name])
    return step
