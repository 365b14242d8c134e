"""Runs a trainer of either stage from its newest checkpoint to its end, or to the end of its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.experts.checkpoints import Checkpoints

if TYPE_CHECKING:
    from transformers import Trainer


def run_trainer(trainer: Trainer, checkpoints: Checkpoints, step: str) -> list[dict[str, float]]:
    """Train to the end and return step, loss and learning rate of every step, those before a checkpoint too.

    Raises StoppedShortError if the time is up; then a checkpoint of the last step is there.
    """
    from transformers import PrinterCallback

    from tasks.experts.checkpointing import CheckpointByClock

    by_clock = CheckpointByClock(checkpoints)
    trainer.add_callback(by_clock)
    trainer.remove_callback(PrinterCallback)
    newest = checkpoints.find_newest()
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    if by_clock.is_time_up:
        raise checkpoints.stop_short(step, trainer.state.global_step, trainer.state.max_steps)
    steps = [entry for entry in trainer.state.log_history if "loss" in entry]
    return [{name: entry[name] for name in ("step", "loss", "learning_rate")} for entry in steps]
