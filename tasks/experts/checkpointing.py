"""Writes checkpoints by the clock; it defines a trainer's callback, so import it inside functions only."""

from __future__ import annotations

import time
from typing import Any

from accelerate.utils import broadcast_object_list
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
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002 - transformers calls it so
    ) -> None:
        """Ask for a checkpoint where one is due, and for the end where the time is up."""
        if state.global_step >= state.max_steps:
            return
        now, most = time.monotonic(), self.checkpoints.max_minutes
        is_time_up = most is not None and now - self._started >= 60 * most
        decision = [is_time_up, is_time_up or now - self._saved >= self.checkpoints.every_s]
        if args.world_size > 1:
            broadcast_object_list(decision)  # one clock decides: all save, or stop, after the same step
        self.is_time_up, control.should_save = decision
        if control.should_save:
            self._saved = now
        control.should_training_stop |= self.is_time_up
