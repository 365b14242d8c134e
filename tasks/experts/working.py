"""The worker's side of a training in several processes: its job, what it reports, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from tasks.errors import EmpathyError, StoppedShortError
from tasks.experts.launching import JOB_FILE, OUTCOME
from tasks.experts.ranks import is_main_process
from tasks.progress import logger

LOOK_EVERY_S = 1.0

Train = Callable[[Mapping[str, Any], Mapping[str, pl.DataFrame]], dict[str, Any]]
"""A job and its frames to the facts of what was made."""


def run_worker(train: Train, folder: Path) -> int:
    """Do the job that stands in a folder as one of several processes, write down how it ended, return the exit code.

    A worker outlives neither the process that asked for it nor the launcher. Raises whatever crashes it.
    """
    found = json.loads((folder / JOB_FILE).read_text(encoding="utf-8"))
    threading.Thread(target=watch_parents, args=(found["parent"], os.getppid()), daemon=True).start()
    report_to_parent()
    frames = {name: pl.read_parquet(folder / f"{name}.parquet", glob=False) for name in found["frames"]}
    try:
        use_own_gpu()
        facts = train(found["job"], frames)
        write_outcome(folder, {"facts": facts} if is_main_process() else {})
    except StoppedShortError as error:
        write_outcome(folder, describe_error(error))  # all raise it; an exit code would have the others killed
    except EmpathyError as error:
        write_outcome(folder, describe_error(error))
        return 1
    except Exception:
        write_outcome(folder, {"crash": traceback.format_exc()})
        raise
    leave_group()
    return 0


def watch_parents(parent: Mapping[str, Any], launcher: int) -> None:
    """End this process as soon as the one that asked for it, or the launcher, is gone: nobody waits for it."""
    while is_alive(parent) and os.getppid() == launcher:
        time.sleep(LOOK_EVERY_S)
    os._exit(1)


def is_alive(parent: Mapping[str, Any]) -> bool:
    """Say whether a process still runs; its pid alone proves nothing, as pids are used again."""
    try:
        return bool(psutil.Process(parent["pid"]).create_time() == parent["started_at"])
    except psutil.NoSuchProcess:
        return False


def report_to_parent() -> None:
    """Have the main process' progress printed as JSON, a line each, and that of the others nowhere."""
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(PrintReports() if is_main_process() else logging.NullHandler())


class PrintReports(logging.Handler):
    """Prints progress and notices so that the parent can report them again."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one report."""
        if hasattr(record, "step"):
            told = {name: getattr(record, name) for name in ("step", "done", "total", "fields")}
            print(json.dumps({"progress": told}, default=str), flush=True)
        elif hasattr(record, "notice"):
            print(json.dumps({"notice": record.notice}), flush=True)


def use_own_gpu() -> None:
    """Make the GPU of this process the current one, so that "cuda" means it everywhere."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def write_outcome(folder: Path, outcome: Mapping[str, Any]) -> None:
    """Write down how this process ended."""
    path = folder / OUTCOME.format(rank=os.environ.get("RANK", "0"))
    path.write_text(json.dumps(outcome), encoding="utf-8")


def describe_error(error: EmpathyError) -> dict[str, Any]:
    """Return an error of ours as JSON holds it."""
    return {"error": {"type": type(error).__name__, "what": error.what, "where": error.where, "do": error.do}}


def leave_group() -> None:
    """Take leave of the other processes."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()
