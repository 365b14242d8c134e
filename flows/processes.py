"""Background processes that outlive the command that started them, found again by a card in the home."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

STOP_TIMEOUT_S = 20.0


class Card(NamedTuple):
    """A process as its card tells it; `facts` is what the caller wants to remember of it."""

    pid: int
    started_at: float
    facts: dict[str, object]


def start_process(card_file: Path, command: Sequence[str], env: Mapping[str, str], facts: dict[str, object]) -> Card:
    """Start a process in a session of its own, its output beside its card. Raises OSError if it cannot start."""
    with card_file.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            command, env=dict(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=card_file.parent,
            start_new_session=True,  # it outlives this command, and a Ctrl-C meant for it
        )  # fmt: skip
    card = Card(process.pid, psutil.Process(process.pid).create_time(), facts)
    card_file.write_text(json.dumps(card._asdict()), encoding="utf-8")
    return card


def find_process(card_file: Path) -> Card | None:
    """Return the card if its process is alive (the pid alone proves nothing: pids are used again)."""
    try:
        card = Card(**json.loads(card_file.read_text(encoding="utf-8")))
        process = psutil.Process(card.pid)
        is_ours = abs(process.create_time() - card.started_at) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, TypeError, psutil.NoSuchProcess):
        return None
    return card if is_ours else None


def stop_process(card_file: Path) -> bool:
    """End the process and its children, and say whether there was one."""
    card = find_process(card_file)
    card_file.unlink(missing_ok=True)
    if card is None:
        return False
    process = psutil.Process(card.pid)
    family = [*process.children(recursive=True), process]
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    for survivor in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            survivor.kill()
    psutil.wait_procs(alive, timeout=5)
    return True
