"""Kills a command at the moment it prints something."""

from __future__ import annotations

import os
import signal
import subprocess
import threading


def kill_when_printed(command: list[str], environment: dict[str, str], words: str) -> bool:
    """Start a command, kill it when it prints `words`, and say whether it did before it ended."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        timer = threading.Timer(400, process.kill)
        timer.start()
        seen = False
        for line in process.stderr:
            if words in line:
                os.kill(process.pid, signal.SIGKILL)
                seen = True
                break
        timer.cancel()
    return seen
