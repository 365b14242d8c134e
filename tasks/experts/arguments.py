"""The arguments that the trainers of experts and router share."""

from __future__ import annotations

from typing import Any

from tasks.config import ExpertConfig
from tasks.errors import ConfigError
from tasks.experts.ranks import count_processes, is_sharded
from tasks.experts.tracking import Tracking


def split_step(config: ExpertConfig) -> tuple[int, int]:
    """Return the turns of one forward pass and the passes of a step, in each of the processes that train together.

    Raises ConfigError if a step cannot be split evenly, or if the weights to keep are spread over the processes.
    """
    n_processes = count_processes()
    micro = config.micro_batch_size or max(1, config.batch_size // n_processes)
    n_passes, rest = divmod(config.batch_size, micro * n_processes)
    if rest or not n_passes:
        raise ConfigError(
            f"{config.batch_size} turns a step cannot be split into {n_processes} processes of {micro} turns at once.",
            where=f"expert.batch_size={config.batch_size}, expert.micro_batch_size={config.micro_batch_size}",
            do="choose numbers that divide each other",
        )
    if is_sharded() and config.keep == "best":
        raise ConfigError(
            "The best weights cannot be kept where each process holds a part of the model.",
            where="expert.keep=best",
            do="set expert.keep=last, or train with deployments/accelerate/ddp.yaml",
        )
    return micro, n_passes


def share_arguments(config: ExpertConfig, n_steps: int, device: str, tracking: Tracking | None) -> dict[str, Any]:
    """Return the arguments of a trainer whose rows come ready and in order, and that saves by the clock.

    A step's turns are split over processes and forward passes; its loss is the mean over all its response tokens
    however they are split. Raises ConfigError as `split_step` does.
    """
    on_gpu = device == "cuda"
    micro, n_passes = split_step(config)
    return {
        "max_steps": n_steps,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": n_passes,
        "bf16": on_gpu,
        "activation_checkpointing": on_gpu and not is_sharded(),  # FSDP brings its own, see its config file
        "use_cpu": not on_gpu,
        "dataloader_pin_memory": on_gpu,
        "ddp_find_unused_parameters": False,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",  # by the clock instead
        "save_total_limit": 2,
        "report_to": "none",  # `tell_trackers` adds them, with folders of ours
        "run_name": tracking.run_name if tracking else None,
        "disable_tqdm": True,
        "log_level": "error",
    }
