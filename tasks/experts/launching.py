"""Trains in the processes of `accelerate`: starts them, passes their progress on, and ends them with this one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import yaml

from tasks import errors
from tasks.errors import ConfigError, EmpathyError
from tasks.progress import report_notice, report_progress

JOB_FILE = "job.json"
OUTCOME = "outcome-{rank}.json"
SETTING = "EMPATHY_ACCELERATE_CONFIG"
SOURCE = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 20.0
TAIL_LINES = 12


def launch(
    module: str, job: Mapping[str, Any], frames: Mapping[str, pl.DataFrame], config_file: Path, token: str | None
) -> dict[str, Any]:
    """Run a worker module in the processes of an `accelerate` config file, and return what its main process returns.

    `job` and `frames` reach the workers as JSON and Parquet, the token for gated models by the environment only.
    Raises ConfigError for a config file that cannot be used, the EmpathyError that a worker raised, and EmpathyError
    with its last lines where one crashed. However it ends, the workers have ended.
    """
    check_accelerate_config(config_file)
    with tempfile.TemporaryDirectory(prefix="empathy-launch-") as name:
        folder = Path(name)
        parent = {"pid": os.getpid(), "started_at": psutil.Process().create_time()}
        text = json.dumps({"job": job, "frames": list(frames), "parent": parent})
        (folder / JOB_FILE).write_text(text, encoding="utf-8")
        for frame, rows in frames.items():
            rows.write_parquet(folder / f"{frame}.parquet")
        command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config_file.absolute())]
        code = follow([*command, "-m", module, str(folder)], folder, token)
        return read_outcome(folder, code, config_file)


def check_accelerate_config(path: Path) -> None:
    """Raise ConfigError if the file is no `accelerate` config of one machine; nothing is started."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        found, reason = None, str(error).splitlines()[0]
    else:
        reason = "it names no distributed_type"
    if not isinstance(found, dict) or "distributed_type" not in found:
        raise ConfigError(
            f"The config file of accelerate cannot be used: {reason}.",
            where=f"{SETTING}={path}",
            do="give one of deployments/accelerate/, or what `accelerate config` wrote",
        )
    if found.get("num_machines", 1) != 1:
        raise ConfigError(
            "Training runs on one machine; the config file of accelerate asks for several.",
            where=f"{SETTING}={path}",
            do="set num_machines to 1",
        )


def follow(command: list[str], folder: Path, token: str | None) -> int:
    """Run the workers, pass on what their main process reports, and return the exit code."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))}
    if token is not None:
        env["EMPATHY_HF_TOKEN"] = token
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            start_new_session=True,  # a Ctrl-C is for us, and we end them
        )  # fmt: skip
        try:
            with contextlib.closing(process.stdout) as lines:  # type: ignore[type-var]  # a pipe
                for line in lines or ():
                    pass_on(line)
            return process.wait()
        finally:
            end_family(process)


def pass_on(line: bytes) -> None:
    """Report again what a worker reported; other lines are those of libraries."""
    with contextlib.suppress(ValueError):
        match json.loads(line):
            case {"progress": {"step": step, "done": done, "total": total, "fields": fields}}:
                report_progress(step, done, total, **fields)
            case {"notice": text}:
                report_notice(text)


def end_family(process: subprocess.Popen[bytes]) -> None:
    """End the launcher and its workers, each by its pid (each worker is a session of its own)."""
    if process.poll() is not None:
        return
    leader = psutil.Process(process.pid)
    family = [*leader.children(recursive=True), leader]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    for survivor in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            survivor.kill()
    process.wait()


def read_outcome(folder: Path, code: int, config_file: Path) -> dict[str, Any]:
    """Return what the main process returned. Raises what a worker raised, one of our errors first."""
    outcomes = list(read_outcomes(folder))
    for outcome in outcomes:
        if "error" in outcome:
            told = outcome["error"]
            raise getattr(errors, told["type"])(told["what"], told["where"], told["do"])
    facts = next((outcome["facts"] for outcome in outcomes if "facts" in outcome), None)
    crashes = [outcome["crash"] for outcome in outcomes if "crash" in outcome]
    if code == 0 and facts is not None and not crashes:
        return facts
    said = (folder / "stderr").read_text(encoding="utf-8", errors="replace")
    tail = "\n".join((crashes[0] if crashes else said).strip().splitlines()[-TAIL_LINES:])
    raise EmpathyError(
        f"The processes that train ended with exit code {code}:\n{tail}",
        where=f"{SETTING}={config_file}",
        do="read the last lines; out of memory: lower expert.micro_batch_size; then run the command again",
    )


def read_outcomes(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what each process wrote down at its end, the earliest first: what ended it may have ended the others."""
    for path in sorted(folder.glob(OUTCOME.format(rank="*")), key=lambda path: path.stat().st_mtime_ns):
        with contextlib.suppress(ValueError):  # cut off by a kill
            yield json.loads(path.read_text(encoding="utf-8"))
