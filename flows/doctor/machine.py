"""Room on the disk, memory, and a GPU: what the machine has for the work."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from flows.doctor.finding import Finding, State
from tasks.settings import Settings

DISK_LOW_GB, DISK_OUT_GB = 5.0, 0.5
"""A base model, its merged copy and checkpoints need the first; journal and database stop without the second."""
MEMORY_LOW_GB, MEMORY_OUT_GB = 4.0, 0.5
"""The demo's training peaks at the first."""


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Say how much room the home's disk has."""
    free = shutil.disk_usage(find_existing(settings.home_dir)).free / 1e9
    said = f"{free:,.1f} GB free where the home is"
    do = f"make room, or set EMPATHY_HOME to a larger disk; `du -sh {settings.cache_dir}` is what can be made again"
    yield judge_room("disk", free, DISK_LOW_GB, DISK_OUT_GB, said, do)


def check_memory(_: Settings) -> Iterator[Finding]:
    """Say how much memory is free."""
    memory = psutil.virtual_memory()
    said = f"{memory.available / 1e9:,.1f} of {memory.total / 1e9:,.1f} GB free"
    do = "training a small model takes about 4 GB: end other programs, or train elsewhere"
    yield judge_room("memory", memory.available / 1e9, MEMORY_LOW_GB, MEMORY_OUT_GB, said, do)


def judge_room(area: str, free_gb: float, low_gb: float, out_gb: float, said: str, do: str) -> Finding:
    """Return whether there is enough of something."""
    if free_gb >= low_gb:
        return Finding(area, "ok", said)
    state: State = "problem" if free_gb < out_gb else "warning"
    return Finding(area, state, said, do)


def find_existing(path: Path) -> Path:
    """Return the folder, or the nearest one above it that there is."""
    return next(place for place in (path, *path.parents) if place.is_dir())


def check_gpu(settings: Settings) -> Iterator[Finding]:
    """Say whether models can be trained, and on what; nothing is imported for it."""
    is_wanted = settings.device == "cuda"
    failed: State = "problem" if is_wanted else "ok"
    try:
        torch = version("torch")
    except PackageNotFoundError:
        do = "pip install -c constraints.txt -e '.[train]'" if is_wanted else ""
        yield Finding("gpu", failed, "torch is not installed: all but training and models works without it", do)
        return
    cards = list_cards()
    if not cards:
        do = "set EMPATHY_DEVICE to auto or cpu, or see to the driver (`nvidia-smi`)" if is_wanted else ""
        yield Finding("gpu", failed, f"none seen; torch {torch} works on the CPU", do)
        return
    if not has_cuda():
        do = "install a build of torch for CUDA, or set EMPATHY_DEVICE=cpu"
        state: State = "problem" if is_wanted else "warning"
        yield Finding("gpu", state, f"{', '.join(cards)}; but torch {torch} is a build for the CPU alone", do)
        return
    yield Finding("gpu", "ok", f"{', '.join(cards)}; torch {torch}")


def list_cards() -> list[str]:
    """Return the names of NVIDIA's cards, none where its tool is missing or does not answer."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    try:
        done = subprocess.run(
            [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def has_cuda() -> bool:
    """Say whether the installed torch was built for CUDA, as its own file of versions says."""
    spec = PathFinder.find_spec("torch")
    file = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    return bool(file and file.exists() and "cuda: Optional[str] = None" not in file.read_text(encoding="utf-8"))
