"""`empathy score --judge active` and `empathy judge simulate`, as a person runs them, beside a counting endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import duckdb
import pytest

from tests.scoring.fault_server import FaultServer

Empathy = Callable[..., CompletedProcess[str]]
KEY = "sk-right"


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "OPENAI_API_KEY": KEY}


@pytest.fixture
def endpoint() -> Iterator[FaultServer]:
    server = FaultServer(key=KEY, seed=2)
    yield server.start()
    server.stop()


def ask(endpoint: FaultServer, *more: str) -> tuple[str, ...]:
    return (
        "score",
        "--judge",
        "active",
        "--llm",
        "openai",
        "--base-url",
        endpoint.url,
        "--model",
        "m",
        "--json",
        *more,
    )


def test_the_llm_is_asked_about_a_share_and_never_twice(
    empathy: Empathy, endpoint: FaultServer, environment: dict[str, str]
) -> None:
    n_turns = json.loads(empathy("ingest", "sample", "--json").stdout)["n_turns"]
    first = json.loads(empathy(*ask(endpoint, "--budget", "0.4", "--bound", "0")).stdout)
    done = first["active"]
    assert len(endpoint.calls) == done["n_asked"] == round(0.4 * done["n_rows"])
    assert done["n_rows"] <= n_turns
    assert done["n_audited"] == 30  # the least that tells anything
    assert done["estimate"]["n_guessed"] == done["n_rows"] - done["n_asked"]

    again = json.loads(empathy(*ask(endpoint, "--budget", "0.4", "--bound", "0")).stdout)
    assert again["judge_id"] == first["judge_id"]
    assert len(endpoint.calls) == done["n_asked"]

    more = json.loads(empathy(*ask(endpoint, "--budget", "0.5", "--bound", "0")).stdout)
    assert more["judge_id"] != first["judge_id"]
    assert len({call.turn for call in endpoint.calls}) == len(endpoint.calls) == more["active"]["n_asked"]

    with duckdb.connect(str(Path(environment["EMPATHY_HOME"]) / "empathy.duckdb"), read_only=True) as connection:
        query = "SELECT source_judge_id = $judge, method, count(*) FROM scores WHERE judge_id = $judge GROUP BY ALL"
        counts = connection.execute(query, {"judge": first["judge_id"]}).fetchall()
    assert sorted(counts) == [
        (False, "asked", done["n_asked"]), (True, "guessed", done["n_rows"] - done["n_asked"]),
    ]  # fmt: skip
    subsets = json.loads(empathy("select", "--judge-id", first["alias"], "--json").stdout)
    told = json.loads(empathy("lineage", subsets["config_digest"], "--json").stdout)
    assert first["active"]["weights"] in json.dumps(told) or "active" in json.dumps(told)
    assert json.loads(empathy("rebuild", "--json").stdout)["scores"] > done["n_rows"]


def test_what_failed_is_asked_again_by_the_same_command(empathy: Empathy, endpoint: FaultServer) -> None:
    empathy("ingest", "sample")
    endpoint.rates = {"refusal": 0.1, "rate_limit": 0.1, "server": 0.1}
    done = empathy(*ask(endpoint, "--budget", "0.3", "--max-cost", "1"), check=False)
    assert done.returncode == 2  # no price is known for m: a budget in USD is refused before anything is asked
    assert endpoint.calls == []
    result = json.loads(empathy(*ask(endpoint, "--budget", "0.3", "--bound", "0")).stdout)
    done, faults = result["active"], endpoint.count_faults()
    assert min(faults["refusal"], faults["rate_limit"], faults["server"]) > 0
    assert done["n_asked"] == round(0.3 * done["n_rows"]) == len({call.turn for call in endpoint.calls})
    n_refused = done["n_asked"] - done["n_scored"]
    assert done["n_scored"] + done["estimate"]["n_guessed"] == done["n_rows"] - n_refused
    assert (result["n_rows"], n_refused) == (done["n_rows"], 1)  # refused to the last: it stays without a score


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--judge", "active"), "Active scoring asks an LLM"),
        (("--judge", "active", "--llm", "openai-batch"), "asked in rounds"),
        (("--judge", "active", "--llm", "distilled"), "asked in rounds"),
        (("--judge", "active", "--llm", "openai", "--limit", "5"), "--limit does not go with"),
        (("--llm", "openai"), "--llm belongs to active scoring"),
        (("--budget", "0.3"), "--budget belongs to active scoring"),
        (("--judge", "active", "--llm", "replies:/nowhere"), "no such file"),
    ],
)
def test_options_that_do_not_go_together_are_refused(empathy: Empathy, args: tuple[str, ...], said: str) -> None:
    done = empathy("score", *args, check=False)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_corpus_too_small_for_a_budget_is_refused(
    empathy: Empathy, endpoint: FaultServer, tmp_path: Path, write_dialogues: Callable[..., Path]
) -> None:
    turns = {f"d{n}": (f"I met {n} old friends.", f"All {n} of them?") for n in range(120)}
    empathy("ingest", str(write_dialogues(tmp_path / "d.jsonl", turns)))
    done = empathy(*ask(endpoint, "--budget", "0.5"), check=False)
    assert (done.returncode, "is 60 calls" in done.stderr, endpoint.calls) == (2, True, [])
    done = empathy("judge", "simulate", "distilled", check=False)
    assert (done.returncode, "No judge is called" in done.stderr) == (2, True), done.stderr


def test_a_curve_is_tried_on_scores_that_are_there_and_kept_for_the_report(
    empathy: Empathy, environment: dict[str, str], shared_data: Path
) -> None:
    empathy("ingest", str(shared_data / "ed/valid.csv"))
    replies = f"replies:{shared_data / 'released_scores/valid.jsonl'}"
    shown = json.loads(empathy("judge", "simulate", replies, "--shares", "0.1", "--keep", "--json").stdout)
    assert {one["strategy"] for one in shown["curve"]} == {"active", "random", "random, distilled", "distilled alone"}
    assert shown["n_turns"] == 5734
    kept = list((Path(environment["EMPATHY_HOME"]) / "artifacts/active-curves").glob("*.json"))
    assert [json.loads(path.read_text())["curve"] for path in kept] == [shown["curve"]]
