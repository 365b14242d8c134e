"""The router stage's trainer: transformers' own, with the mixture's weights, loss and learning rates.

It defines a subclass, so it imports transformers when it is imported: import it inside functions only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, Trainer
from transformers.utils import SAFE_WEIGHTS_NAME

from tasks.errors import ConfigError
from tasks.experts import label_nlls
from tasks.progress import report_progress
from tasks.router.compose import base_path
from tasks.router.routed_mlp import LoraStack, Router

STEP = "train router"


class MixtureTrainer(Trainer):
    """Trains gates, and experts if they are not frozen, with a learning rate each; checkpoints hold no base."""

    def __init__(self, *args: Any, expert_learning_rate: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expert_learning_rate = expert_learning_rate

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the mean cross-entropy of the response tokens, over the whole step where it is accumulated."""
        head = self._mixture().get_output_embeddings()
        nlls = label_nlls(model, head, inputs["input_ids"], inputs["attention_mask"], inputs["labels"])
        loss = nlls.sum() / (max(len(nlls), 1) if num_items_in_batch is None else num_items_in_batch)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * (self.accelerator.num_processes // self.get_tp_size())  # gradients are averaged, items summed
        return (loss, {"nlls": nlls}) if return_outputs else loss

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Return the optimizer of the trainer's arguments, with one parameter group for gates and one for experts."""
        if self.optimizer is None:
            trained = self._mixture() if model is None else model
            rates = ((Router, self.args.learning_rate), (LoraStack, self.expert_learning_rate))
            groups = [{"params": list_trainable(trained, kind), "lr": rate} for kind, rate in rates]
            optimizer, options = self.get_optimizer_cls_and_kwargs(self.args, self._mixture())
            self.optimizer = optimizer([group for group in groups if group["params"]], **options)
        return self.optimizer

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Report a step with its loss. Raises ConfigError if the loss is no longer a number."""
        super().log(logs, start_time)
        loss, done, total = logs.get("loss"), self.state.global_step, self.state.max_steps
        if loss is None:
            return
        if not math.isfinite(loss):
            raise ConfigError(
                f"The loss is {loss} at step {done}: training has diverged.",
                where=STEP,
                do="lower router.learning_rate or router.expert_learning_rate",
            )
        report_progress(STEP, done, total, loss=round(loss, 4))

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        """Write the mixture's own weights, under the name that resuming and best-model loading look for."""
        if not self.args.should_save:
            return
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        state = self._mixture().state_dict() if state_dict is None else state_dict
        own = {name for kind in (Router, LoraStack) for name in name_parameters(self._mixture(), kind)}
        weights = {name: value.detach().cpu().contiguous() for name, value in state.items() if name in own}
        save_file(weights, folder / SAFE_WEIGHTS_NAME, metadata={"format": "pt"})

    def _mixture(self) -> PreTrainedModel:
        return cast(PreTrainedModel, self.model)


def name_parameters(model: nn.Module, kind: type[nn.Module]) -> dict[str, nn.Parameter]:
    """Return the parameters of all modules of a kind by their names in the model."""
    modules = [(path, module) for path, module in model.named_modules() if isinstance(module, kind)]
    return {f"{path}.{name}": value for path, module in modules for name, value in module.named_parameters()}


def list_trainable(model: nn.Module, kind: type[nn.Module]) -> list[nn.Parameter]:
    """Return the parameters of all modules of a kind that are not frozen."""
    return [value for value in name_parameters(model, kind).values() if value.requires_grad]


def choose_trainable(model: nn.Module, train: str, dropout: float) -> None:
    """Unfreeze the gates, and what `train` names of the experts, which then has dropout on its inputs.

    `released` is what the authors' freeze rule keeps: every name with "gate" in it, so gate_proj of the experts too.
    Frozen experts have no dropout: they stand for the merged, dense experts of the paper.
    """
    model.requires_grad_(False)
    for value in name_parameters(model, Router).values():
        value.requires_grad_(True)
    for path, module in model.named_modules():
        if isinstance(module, LoraStack):
            is_gate_proj = base_path(path).endswith(".gate_proj")
            is_trained = train == "router+experts" or (train == "released" and is_gate_proj)
            module.requires_grad_(is_trained)
            module.dropout = dropout if is_trained else 0.0
