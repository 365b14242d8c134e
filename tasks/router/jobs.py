"""The router stage as a job for other processes: packed here, taken up there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tasks.config import ExpertConfig, RouterConfig
from tasks.experts import Base, Job, Runtime, launch
from tasks.router.training import train_mixture

WORKER = "tasks.router.launched"
OWN = "own "
"""How the frames of the experts' own turns are called: this, and the expert's name."""


class MixtureJob(Job):
    """One mixture's training."""

    expert_folders: dict[str, Path]
    config: RouterConfig
    expert_config: ExpertConfig


def launch_mixture(  # noqa: PLR0913 - as train_mixture
    base: Base,
    expert_folders: Mapping[str, Path],
    rows: pl.DataFrame,
    config: RouterConfig,
    expert_config: ExpertConfig,
    folder: Path,
    n_steps: int | None = None,
    own_rows: Mapping[str, pl.DataFrame] | None = None,
    held_out: pl.DataFrame | None = None,
    valid: pl.DataFrame | None = None,
    runtime: Runtime = Runtime(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Do what `train_mixture` does in the processes that the runtime's `accelerate_config` asks for, or here.

    Raises what `train_mixture` raises, ConfigError for a config file that cannot be used, EmpathyError for a crash.
    """
    if runtime.accelerate_config is None:
        return train_mixture(
            base, expert_folders, rows, config, expert_config, folder, n_steps, own_rows, held_out, valid, runtime
        )
    frames = {"rows": rows, "held_out": held_out, "valid": valid}
    frames |= {f"{OWN}{name}": own for name, own in (own_rows or {}).items()}
    job = MixtureJob(
        base=base, folder=folder.absolute(), n_steps=n_steps, runtime=runtime.without_token(), config=config,
        expert_config=expert_config, expert_folders={name: path.absolute() for name, path in expert_folders.items()},
    )  # fmt: skip
    given = {name: frame for name, frame in frames.items() if frame is not None}
    return launch(WORKER, job.model_dump(mode="json"), given, runtime.accelerate_config, runtime.token)


def train_mixture_job(told: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Do a mixture's job in one of its processes."""
    job = MixtureJob.model_validate(told)
    own = {name.removeprefix(OWN): frame for name, frame in frames.items() if name.startswith(OWN)}
    return train_mixture(
        job.base, job.expert_folders, frames["rows"], job.config, job.expert_config, job.folder, job.n_steps,
        own, frames.get("held_out"), frames.get("valid"), job.take_runtime(),
    )  # fmt: skip
