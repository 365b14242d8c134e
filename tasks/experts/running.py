"""Runs a trainer of either stage from its newest checkpoint to its end, or to the end of its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.config import ExpertConfig
from tasks.experts.checkpoints import Checkpoints
from tasks.experts.lesson import Lesson
from tasks.experts.tracking import Tracking, tell_trackers

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import Trainer


@dataclass(frozen=True)
class Course:
    """What a training's log says, the part before a checkpoint too."""

    steps: list[dict[str, float]]
    """step, loss and learning_rate of every step."""
    looks: list[dict[str, float]]
    """step and eval_loss (nats a response token) of every look at turns that are not learned from."""
    kept_step: int
    """The step whose weights the model has now."""

    def summarise(self) -> dict[str, Any]:
        """Return how it ended, for the manifest."""
        looked = {"eval_loss": self._look_at(self.kept_step)} if self.looks else {}
        return {"last_loss": self.steps[-1]["loss"], "kept_step": self.kept_step, **looked}

    def _look_at(self, step: float) -> float:
        return next(look["eval_loss"] for look in self.looks if look["step"] == step)

    def describe(self) -> dict[str, Any]:
        """Return it for the record of the training."""
        return {"loss": self.steps, "eval_loss": self.looks, "kept_step": self.kept_step}


def run_trainer(
    trainer: Trainer,
    checkpoints: Checkpoints,
    step: str,
    lesson: Lesson,
    config: ExpertConfig,
    pad_id: int,
    tracking: Tracking | None = None,
) -> Course:
    """Train to the end, and leave the weights that the config wants to keep in the model.

    Raises StoppedShortError if the time is up; then a checkpoint of the last step is there. Of several processes all
    return, or raise, after the main one has written what it writes.
    """
    from transformers import PrinterCallback

    from tasks.experts.checkpointing import CheckpointByClock
    from tasks.experts.validating import LookAtValid, restore_best

    by_clock = CheckpointByClock(checkpoints)
    look = LookAtValid(trainer, lesson.valid, config, pad_id, checkpoints.folder) if lesson.valid is not None else None
    for callback in filter(None, (look, by_clock)):
        trainer.add_callback(callback)
    trainer.remove_callback(PrinterCallback)
    newest = checkpoints.find_newest()
    with tell_trackers(trainer, tracking):
        trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    trainer.accelerator.wait_for_everyone()  # one that leaves early would have the main process ended as it writes
    if by_clock.is_time_up:
        raise checkpoints.stop_short(step, trainer.state.global_step, trainer.state.max_steps)
    history, kept = trainer.state.log_history, lesson.n_steps
    if look is not None and config.keep == "best":
        kept = restore_best(trainer.accelerator.unwrap_model(trainer.model), look.path)
    return Course(
        steps=[
            {name: entry[name] for name in ("step", "loss", "learning_rate")} for entry in history if "loss" in entry
        ],
        looks=[{"step": entry["step"], "eval_loss": entry["eval_loss"]} for entry in history if "eval_loss" in entry],
        kept_step=kept,
    )


def gather_trained(model: nn.Module) -> dict[str, Tensor]:
    """Return the trained weights by name, whole and on the CPU; under FSDP every process must take part."""
    from torch.distributed.tensor import DTensor

    trained = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    whole = {name: value.full_tensor() if isinstance(value, DTensor) else value for name, value in trained.items()}
    return {name: value.cpu() for name, value in whole.items()}
