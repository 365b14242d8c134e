"""TRL's trainer as we use it; it defines a subclass, so import it inside functions only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import SFTTrainer

from tasks.errors import ConfigError
from tasks.experts.losses import label_nlls
from tasks.progress import report_progress


class ExpertTrainer(SFTTrainer):
    """SFTTrainer with the vocabulary head at labelled positions on a CPU too, and without its telemetry."""

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the mean loss of the labelled tokens of a step.

        TRL's fused head does this well on a GPU; on a CPU it computes every position, twice the time of a step.
        """
        if return_outputs or self.args.device.type != "cpu":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        head = self.accelerator.unwrap_model(model).get_output_embeddings()
        nlls = label_nlls(model, head, inputs["input_ids"], inputs["attention_mask"], inputs["labels"])
        n_items = len(nlls) if num_items_in_batch is None else num_items_in_batch
        loss = nlls.sum() / n_items
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # gradients are averaged over processes, items summed
        return loss

    def _send_telemetry(self) -> None:
        """Send nothing: TRL would tell its authors the class of model and device of every run."""


class StepLog(TrainerCallback):
    """Reports progress, and sees a loss that is no longer a number."""

    def __init__(self, step: str) -> None:
        self.step = step

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - transformers calls it so
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002 - likewise
        **kwargs: Any,  # noqa: ARG002 - likewise
    ) -> None:
        """Say that it begins."""
        report_progress(self.step, 0, state.max_steps)

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002 - likewise
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002 - likewise
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,  # noqa: ARG002 - likewise
    ) -> None:
        """Report a step. Raises ConfigError if the loss is no longer a number."""
        if not logs or "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise ConfigError(
                f"The loss is {loss} at step {state.global_step}: training has diverged.",
                where=f"{self.step}, learning rate {logs['learning_rate']:.2g}",
                do="lower expert.learning_rate",
            )
        report_progress(self.step, state.global_step, state.max_steps, loss=round(loss, 4))
