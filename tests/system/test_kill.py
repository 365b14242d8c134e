"""`kill -9` in each stage: the same command again finishes, and what had finished is not made again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from typing import Any

import pytest

pytestmark = [pytest.mark.system, pytest.mark.train]

# What a run prints when each stage is under way.
STAGES = (
    "read dialogues",
    "score with distilled",
    "select subsets",
    "train sensibility",
    "train rationality",
    "train union",
    "train router",
    "perplexity of",
    "responses of",
    "write report",
)


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


def test_a_run_killed_in_every_stage_goes_on_where_it_was(person: Any) -> None:
    command = person.command("run", "sample", "--profile", "smoke")
    made: dict[str, float] = {}
    for stage in STAGES:
        assert kill_when_printed(command, person.environment, stage), f"never came to: {stage}"
        after = person.list_made()
        assert {name: after.get(name) for name in made} == made, f"{stage}: a finished stage ran again"
        made = after
    finished = json.loads(person.run("run", "sample", "--profile", "smoke", "--json").stdout)
    after = person.list_made()
    assert {name: after.get(name) for name in made} == made
    assert finished["subsets"]["counts"]["sensibility"] > 0

    # the same as a run that nobody killed
    whole = json.loads(person.run("run", "sample", "--profile", "smoke", "--json").stdout)
    assert whole == finished
    left_over = [path.name for path in (person.home / "artifacts").glob("*/.tmp-*")]
    assert len(left_over) <= len(STAGES)
