"""`empathy select` over time: it warns when the data is another, until somebody accepts it; nothing of that is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Empathy = Callable[..., CompletedProcess[str]]


def test_drift_is_warned_of_until_it_is_accepted_and_outlives_a_rebuild(
    empathy: Empathy, write_dialogues: Callable[..., Path], tmp_path: Path
) -> None:
    refused = empathy("select", "--accept", check=False)
    assert refused.returncode == 2
    assert "Nothing has been selected yet" in refused.stderr

    empathy("ingest", "sample")
    empathy("score")
    first = json.loads(empathy("select", "--threshold", "6", "--accept", "--json").stdout)
    assert (first["drift"], first["accepted"]["config_digest"]) == (None, first["config_digest"])

    dry = {f"x{n}": (f"What about number {n}?", f"Compare the {n} quotes, then file them.") for n in range(1500)}
    empathy("ingest", str(write_dialogues(tmp_path / "dry.jsonl", dry, "businesslike")), "--split", "train")
    empathy("score")
    warned = empathy("select", "--threshold", "6")
    assert "Warning: The data is no longer that of the accepted selection" in warned.stderr
    assert "emotions: 'businesslike' 0.0% -> " in warned.stderr
    assert "share of sensibility: " in warned.stderr
    again = empathy("select", "--threshold", "6", "--json")
    assert "Warning" not in again.stderr
    changes = {change["what"] for change in json.loads(again.stdout)["drift"]["changes"]}
    assert {"emotions", "share of sensibility"} <= changes

    empathy("rebuild")
    status = json.loads(empathy("status", "--json").stdout)["selection"]
    assert {change["what"] for change in status["drift"]} == changes
    assert {split: ref["config_digest"] for split, ref in status["accepted"].items()} == {
        "train": first["config_digest"]
    }

    told = empathy("select", "--accept").stdout
    assert first["config_digest"][:12] in told.split("instead of")[1]
    assert json.loads(empathy("select", "--threshold", "6", "--json").stdout)["drift"] is None

    valid = json.loads(empathy("select", "--split", "valid", "--accept", "--json").stdout)
    assert (valid["accepted_before"], valid["accepted"]["config_digest"]) == (None, valid["config_digest"])
    assert json.loads(empathy("select", "--threshold", "6", "--json").stdout)["baseline"]["is_accepted"]
    shown = empathy("status").stdout
    assert "accepted, train" in shown
    assert "accepted, valid" in shown
