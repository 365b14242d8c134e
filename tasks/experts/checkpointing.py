"""Writes checkpoints by the clock; it defines a trainer's callback, so import it inside functions only."""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tasks.experts.checkpoints import Checkpoints


class CheckpointByClock(TrainerCallback):
    """Has a checkpoint written every so many seconds, and a last one when the time is up."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints
        self.is_time_up = False
        self._started = self._saved = time.monotonic()

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002 - transformers calls it so
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002 - likewise
    ) -> None:
        """Ask for a checkpoint where one is due, and for the end where the time is up."""
        if state.global_step >= state.max_steps:
            return
        now, most = time.monotonic(), self.checkpoints.max_minutes
        self.is_time_up = most is not None and now - self._started >= 60 * most
        if self.is_time_up or now - self._saved >= self.checkpoints.every_s:
            self._saved = now
            control.should_save = True
        control.should_training_stop |= self.is_time_up
