"""Experiment trackers: a training tells them its losses and gates; what it makes does not depend on them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ConfigError

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback

SERVICES = ("tensorboard", "mlflow", "wandb")
"""Names as TrainingArguments takes them; each is also its package's."""
PROJECT = "efficient-empathy"
SETTING = "EMPATHY_REPORT_TO"


@dataclass(frozen=True)
class Tracking:
    """Which experiment trackers are told of a training, where they keep files, and what they call it."""

    services: tuple[str, ...]
    folder: Path
    run_name: str


def check_trackers(services: Sequence[str]) -> None:
    """Raise ConfigError for a tracker that is not known, or whose package is not installed; none is imported."""
    for name in services:
        if name not in SERVICES:
            raise ConfigError(
                f"There is no tracker {name!r}.", where=SETTING, do=f"name some of {', '.join(SERVICES)}, by commas"
            )
        if find_spec(name) is None:
            raise ConfigError(
                f"The package of the tracker {name!r} is not installed.",
                where=SETTING,
                do="pip install -c constraints.txt '.[tracking]'",
            )


@contextmanager
def tell_trackers(trainer: Trainer, tracking: Tracking | None) -> Iterator[None]:
    """Have the trackers told of what a trainer logs in this block; their runs end with it, however it ends.

    Raises ConfigError if Weights & Biases cannot be reached as it is set up.
    """
    if tracking is None or not trainer.is_world_process_zero():
        yield
        return
    try:
        for name in tracking.services:
            trainer.add_callback(open_tracker(name, tracking))
        yield
    finally:
        for name in tracking.services:
            close_tracker(name)


def open_tracker(name: str, tracking: Tracking) -> TrainerCallback:
    """Return a tracker's callback, which keeps its files in the tracking folder unless its own variables say else."""
    from transformers import integrations

    tracking.folder.mkdir(parents=True, exist_ok=True)
    if name == "tensorboard":
        to_tensorboard = integrations.TensorBoardCallback()
        to_tensorboard.logging_dir = str(tracking.folder / tracking.run_name)
        return to_tensorboard
    if name == "mlflow":
        import mlflow

        if not os.environ.get("MLFLOW_TRACKING_URI"):
            mlflow.set_tracking_uri(f"sqlite:///{tracking.folder / 'mlflow.db'}")  # its folders are in maintenance
        return integrations.MLflowCallback()
    start_wandb(tracking)
    return integrations.WandbCallback()


def start_wandb(tracking: Tracking) -> None:
    """Begin a run of Weights & Biases, which the callback then takes; left to itself it writes where we stand."""
    import wandb

    try:
        wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=tracking.run_name,
            dir=os.environ.get("WANDB_DIR", str(tracking.folder)),
        )
    except wandb.Error as error:
        raise ConfigError(
            f"Weights & Biases cannot be told: {error}",
            where=f"{SETTING}=wandb",
            do="run `wandb login`, or set WANDB_MODE=offline",
        ) from None


def close_tracker(name: str) -> None:
    """End a run, so that the next training of this process does not go on in it."""
    if name == "mlflow":
        import mlflow

        mlflow.end_run()
    elif name == "wandb":
        import wandb

        wandb.finish()
