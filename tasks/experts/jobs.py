"""An expert's training as a job for other processes: packed here, taken up there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from tasks.config import ExpertConfig
from tasks.errors import ConfigError
from tasks.experts.bases import Base, choose_device
from tasks.experts.launching import launch
from tasks.experts.ranks import is_sharded
from tasks.experts.runtime import Runtime
from tasks.experts.training import train_expert
from tasks.settings import Settings

WORKER = "tasks.experts.launched"


class Job(BaseModel):
    """What every training in other processes is told; the token of gated models is not in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    base: Base
    folder: Path
    n_steps: int | None
    runtime: Runtime

    def take_runtime(self) -> Runtime:
        """Return the runtime in a worker, which has the token from its environment.

        Raises ConfigError for FSDP without a GPU: `accelerate` would train as for DDP and not say so.
        """
        if is_sharded() and choose_device(self.runtime.device) == "cpu":
            raise ConfigError(
                "FSDP spreads a model over GPUs, and training runs on the CPU.",
                where="EMPATHY_ACCELERATE_CONFIG",
                do="use deployments/accelerate/ddp-cpu.yaml, or a machine with GPUs",
            )
        return replace(self.runtime, token=Settings().hub_token)


class ExpertJob(Job):
    """One adapter's training."""

    config: ExpertConfig
    name: str


def launch_expert(
    base: Base,
    rows: pl.DataFrame,
    config: ExpertConfig,
    folder: Path,
    name: str,
    n_steps: int | None = None,
    valid: pl.DataFrame | None = None,
    runtime: Runtime = Runtime(),  # noqa: B008 - frozen
) -> dict[str, Any]:
    """Do what `train_expert` does in the processes that the runtime's `accelerate_config` asks for, or here.

    Raises what `train_expert` raises, ConfigError for a config file that cannot be used, EmpathyError for a crash.
    """
    if runtime.accelerate_config is None:
        return train_expert(base, rows, config, folder, name, n_steps, valid, runtime)
    frames = {"rows": rows} if valid is None else {"rows": rows, "valid": valid}
    job = ExpertJob(
        base=base, folder=folder.absolute(), n_steps=n_steps, runtime=runtime.without_token(), config=config, name=name
    )
    return launch(WORKER, job.model_dump(mode="json"), frames, runtime.accelerate_config, runtime.token)


def train_expert_job(told: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Do an expert's job in one of its processes."""
    job = ExpertJob.model_validate(told)
    return train_expert(
        job.base, frames["rows"], job.config, job.folder, job.name, job.n_steps, frames.get("valid"), job.take_runtime()
    )
