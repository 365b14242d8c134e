"""`empathy ARGS` in a process of its own that does not begin with imports: it is forked from one that has them.

Everything else is as for a person: the process has its own environment, folder, streams, signals and exit code.
Nothing of the project but imports has run in its parent, and torch is not among them: it would cost more than it saves.
What is read from the environment while modules are imported is the same, as there is a parent for every such
environment. What Python tears down after the last exit handler is not torn down: `run_from_scratch` shows that.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
READ_LATE = ("EMPATHY_", "OPENAI_", "HF_TOKEN", "AWS_", "COLUMNS", "PYTHONPATH", "PYTEST_")
"""Variables that nobody reads while modules are imported."""
READ_AT_ONCE = ("--verbose", "-v", "--log-format")
"""Options that change what Prefect is told before it is imported."""
LOOKING = ("flows.__main__", "rich.progress", "rich.table", "tasks.home", "tasks.judges", "tasks.selection")
FLOWS = tuple(f"flows.{path.stem}" for path in sorted((ROOT / "flows").glob("*.py")) if path.stem[0] != "_")
PREFECT = ("prefect.flow_engine", "prefect.task_engine", "prefect.utilities.visualization", "fastapi.encoders")
PARENTS: dict[tuple[tuple[str, str], ...], subprocess.Popen[str]] = {}
"""One of each environment; they end when their stdin does, with the session of tests."""


def run_empathy(
    *args: str, env: Mapping[str, str], cwd: Path | None = None, timeout: float = 60, typed: str = ""
) -> CompletedProcess[str]:
    """Run `empathy ARGS`, with what a person has typed as stdin. Raises TimeoutExpired as `subprocess.run` does."""
    if any(option in args for option in READ_AT_ONCE) or "EMPATHY_LOG_FORMAT" in env:
        return run_from_scratch(*args, env=env, cwd=cwd, timeout=timeout)
    modules = [*LOOKING, *([*PREFECT, *FLOWS] if "PREFECT_API_URL" in env else ())]
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        streams[0].write_text(typed, encoding="utf-8")
        order = {
            "args": args, "env": dict(env), "cwd": str(cwd or Path.cwd()), "streams": list(map(str, streams)),
            "modules": modules,
        }  # fmt: skip
        code = send(find_parent(env), order, timeout)
        return CompletedProcess(args, code, *(stream.read_text(encoding="utf-8") for stream in streams[1:]))


def find_parent(env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Return the process that is to be forked for an environment."""
    key = tuple(sorted((name, value) for name, value in env.items() if not name.startswith(READ_LATE)))
    if key not in PARENTS:
        command, pipe = [sys.executable, __file__], subprocess.PIPE
        env = {**env, "PYTHONPATH": str(ROOT)}
        PARENTS[key] = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True)
    return PARENTS[key]


def send(parent: subprocess.Popen[str], order: dict[str, Any], timeout: float) -> int:
    """Have a command run and return its exit code, or end it when its time is over."""
    assert parent.stdin is not None
    assert parent.stdout is not None
    print(json.dumps(order), file=parent.stdin, flush=True)
    pid, is_late = int(parent.stdout.readline()), threading.Event()

    def end() -> None:
        is_late.set()
        os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(timeout, end)
    timer.start()
    code = int(parent.stdout.readline())
    timer.cancel()
    if is_late.is_set():
        raise subprocess.TimeoutExpired(order["args"], timeout)
    return code


def run_from_scratch(
    *args: str, env: Mapping[str, str], cwd: Path | None = None, timeout: float = 60
) -> CompletedProcess[str]:
    """Run `empathy ARGS` as the shell does, imports included."""
    return subprocess.run(
        [sys.executable, "-m", "flows", *args], env={**env, "PYTHONPATH": str(ROOT)}, cwd=cwd, timeout=timeout,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def serve() -> None:
    """Fork a command for every order on stdin; in the command's process, return."""
    from flows.runtime import ENVIRONMENT  # as every command sets it before it imports Prefect

    os.environ.update({**ENVIRONMENT, "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"})
    while line := sys.stdin.readline():
        order = json.loads(line)
        for name in order["modules"]:
            importlib.import_module(name)
        gc.freeze()  # the collector of the new process would copy every page that they share
        pid = os.fork()
        if not pid:
            become(order)
            return
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    os._exit(0)


def become(order: dict[str, Any]) -> None:
    """Make this process the one that was ordered."""
    for number, path in enumerate(order["streams"]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.argv = ["empathy", *order["args"]]
    random.seed()


def leave(codes: list[int]) -> None:
    """End a command's process; registered first, this is the last of its exit handlers."""
    if codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codes[0])


if __name__ == "__main__":
    codes: list[int] = []
    atexit.register(leave, codes)
    serve()
    from flows.__main__ import main

    try:
        main()
    except SystemExit as done:
        codes.append(int(done.code or 0))
