"""`kill -9` in each stage: the same command again finishes, and what had finished is not made again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.system.killing import kill_when_printed

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.train]

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
