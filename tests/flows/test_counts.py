"""The exact counts of the method, through the commands a person types."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Empathy = Callable[..., CompletedProcess[str]]

EXPECTED = {
    "paper 4": (3086, 2087, 561),
    "paper 5": (3473, 1805, 456),
    "paper 6": (3615, 1267, 852),
    "paper 7": (3244, 606, 1884),
    "released 5": (3473, 393, 1868),
}


def test_the_released_replies_give_the_exact_subsets(empathy: Empathy, shared_data: Path) -> None:
    ingested = json.loads(empathy("ingest", str(shared_data / "ed/valid.csv"), "--split", "valid", "--json").stdout)
    assert (ingested["n_dialogues"], ingested["n_turns"]) == (2770, 5738)

    replies = f"replies:{shared_data / 'released_scores/valid.jsonl'}"
    scored = json.loads(empathy("score", "--judge", replies, "--json").stdout)
    assert (scored["n_scored"], scored["unscored"]) == (5734, {"no_reply_recorded": 4})

    counts = json.loads(empathy("select", "--json").stdout)["counts"]
    assert (counts["sensibility"], counts["rationality"], counts["discard"], counts["excluded"]) == (3473, 1805, 456, 4)

    for named, expected in EXPECTED.items():
        rule, threshold = named.split()
        shown = empathy("select", "--preview", "--rule", rule, "--threshold", threshold, "--json")
        counts = json.loads(shown.stdout)["counts"]
        assert (counts["sensibility"], counts["rationality"], counts["discard"]) == expected, named


def test_the_database_made_anew_is_equal(empathy: Empathy, environment: dict[str, str]) -> None:
    empathy("ingest", "sample")
    empathy("score")
    before = json.loads(empathy("status", "--json").stdout)
    rebuilt = json.loads(empathy("rebuild", "--json").stdout)
    after = json.loads(empathy("status", "--json").stdout)
    assert after == before
    assert rebuilt["scores"] == rebuilt["attempts"] > 400


def test_a_second_judge_must_be_told_apart(empathy: Empathy, tmp_path: Path, environment: dict[str, str]) -> None:
    empathy("ingest", "sample")
    empathy("score", "--split", "test")
    first = json.loads(empathy("sweep", "--split", "test", "--json").stdout)["sweep"]
    reply = json.dumps({"conv_id": "sample:0_conv:1", "utterance_idx": 2, "reply": "Rationality: 8\nSensibility: 3"})
    (tmp_path / "mine.jsonl").write_text(reply + "\n", encoding="utf-8")
    empathy("score", "--judge", f"replies:{tmp_path / 'mine.jsonl'}")

    done = empathy("select", "--split", "test", check=False)
    assert (done.returncode, "replies-mine" in done.stderr, "distilled" in done.stderr) == (2, True, True)
    again = json.loads(empathy("sweep", "--split", "test", "--judge-id", "distilled", "--json").stdout)["sweep"]
    assert again == first
