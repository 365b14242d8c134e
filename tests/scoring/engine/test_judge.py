"""The LLM judge against an endpoint that goes wrong: every turn ends with a score or the right reason."""

import time
from collections import Counter
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import EndpointError
from tasks.home import Home
from tasks.schema import Turn, Utterance
from tasks.scoring import identify_judge, load_judge
from tasks.scoring.ledger.journal import SegmentWriter, list_segments, read_segment
from tasks.scoring.planning import PlannedTurn
from tasks.settings import Settings
from tests.scoring.completions import CACHED, count_tokens
from tests.scoring.looking import ask_tables, count_attempts, read_scores

CANARY = "sk-CANARY0123456789abcdef"
LLM = JudgeConfig(kind="openai", model="judge-2026")


def test_a_clean_endpoint_scores_every_turn_with_one_call(fault_server, point_at, run):
    server = fault_server()
    home = point_at(server)
    result = run(home, 120, chunk_size=50)
    assert (result.coverage.n_scored, result.coverage.unscored) == (120, {})
    assert read_scores(home) == {turn: server.scores_of(turn) for turn in server.faults_of_turn}
    assert (len(server.calls), count_attempts(home)) == (120, {"": 120})
    assert run(home, 120, "again").plan.n_turns == 0
    assert len(server.calls) == 120


def test_the_ledger_holds_what_came_of_a_call(fault_server, point_at, run):
    server = fault_server()
    home = point_at(server)
    run(home, 1)
    (row,) = ask_tables(
        home,
        "SELECT http_status, model, system_fingerprint, tokens_in, tokens_cached, tokens_out, finish_reason, "
        "cost_usd, latency_s BETWEEN 0 AND 10, abs(epoch(sent_at) - epoch(now())) < 60, method FROM attempts",
    )
    tokens_in = count_tokens(server.calls[0].body)
    assert row == (200, "judge-2026", "fp-1", tokens_in, CACHED, 12, "stop", None, True, True, "point")


def test_under_every_fault_each_turn_has_its_score_or_the_right_reason_and_every_call_is_in_the_ledger(
    fault_server, point_at, run, quick_backoff
):
    rates = {"rate_limit": 0.1, "server": 0.05, "malformed": 0.15, "drop": 0.05, "refusal": 0.1, "truncated": 0.1,
             "garbage": 0.05}  # fmt: skip
    server = fault_server(rates=rates, seed=7, retry_after="0.3")
    home = point_at(server)
    run(home, 150, chunk_size=60, max_concurrency=32)
    found = read_scores(home)
    assert len(found) == 150
    for turn, faults in server.faults_of_turn.items():
        reason = "unparseable" if faults[-1] == "malformed" else faults[-1]
        assert found[turn] == (reason or server.scores_of(turn)), faults
        replies = [fault for fault in faults if fault in ("malformed", "refusal", "truncated", "")]
        assert len(replies) == 3 or faults[-1] == ""
    reasons = {value for value in found.values() if isinstance(value, str)}
    assert reasons <= {"unparseable", "refusal", "truncated"}
    assert reasons, "the seed must leave some turns without a score"
    met = server.count_faults()
    assert count_attempts(home) == {
        "": met[""], "rate_limit": met["rate_limit"], "server": met["server"] + met["garbage"],
        "connection": met["drop"], "refusal": met["refusal"], "truncated": met["truncated"],
        "unparseable": met["malformed"],
    }  # fmt: skip
    assert met["rate_limit"] > 10
    assert server.early == []


def test_no_request_comes_before_its_retry_after(fault_server, point_at, run):
    server = fault_server(rates={"rate_limit": 0.5}, seed=3, retry_after="0.5")
    home = point_at(server)
    run(home, 20)
    assert any(faults.count("rate_limit") for faults in server.faults_of_turn.values())
    assert server.early == []


def test_what_the_last_reply_lacked_is_told_to_the_judge(fault_server, point_at, run):
    server = fault_server(rates={"malformed": 1.0})
    home = point_at(server)
    result = run(home, 1)
    assert result.coverage.unscored == {"unparseable": 1}
    asked = [call.body["messages"][-1]["content"] for call in server.calls]
    assert ["could not be used" in text for text in asked] == [False, True, True]
    assert "gives no sensibility" in asked[1]


def test_turns_an_endpoint_never_answered_are_asked_again_by_the_next_run(fault_server, point_at, run, quick_backoff):
    server = fault_server(rates={"server": 1.0})
    home = point_at(server)
    result = run(home, 5)
    assert (result.coverage.unscored, result.coverage.n_transient) == ({"server": 5}, 5)
    assert set(Counter(call.turn for call in server.calls).values()) == {6}
    server.rates.clear()
    assert run(home, 5, "next").coverage.n_scored == 5


def test_a_hung_call_is_a_timeout(fault_server, point_at, run, quick_backoff, monkeypatch):
    server = fault_server(rates={"hang": 1.0})
    home = point_at(server)
    assert run(home, 2, timeout_s=0.1).coverage.unscored == {"timeout": 2}
    assert count_attempts(home) == {"timeout": 12}


def test_an_endpoint_that_is_not_there_is_a_connection_error(fault_server, point_at, run, quick_backoff, monkeypatch):
    server = fault_server()
    home = point_at(server)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    gone = Home(Settings(home=home.settings.home), home.artifacts, home.store)
    assert run(gone, 2).coverage.unscored == {"connection": 2}


@pytest.mark.parametrize(
    ("fault", "key", "says"),
    [
        ("", CANARY, "check the key"),
        ("quota", "sk-right", "check the plan"),
        ("unknown_model", "sk-right", "check the model's name"),
    ],
)
def test_an_endpoint_that_refuses_everything_stops_the_run_at_once(fault_server, point_at, run, fault, key, says):
    server = fault_server(rates={fault: 1.0} if fault else {}, delay_s=0.01)
    home = point_at(server, key)
    started = time.monotonic()
    with pytest.raises(EndpointError) as caught:
        run(home, 60, max_concurrency=8)
    assert time.monotonic() - started < 5
    assert len(server.calls) <= 8
    assert says in caught.value.do
    assert "judge-2026" in caught.value.where
    assert key not in str(caught.value)
    server.key = key
    server.rates.clear()
    assert run(home, 60, "after it was mended").coverage.n_scored == 60


def test_the_key_stands_nowhere_even_if_the_endpoint_echoes_it(fault_server, point_at, run, caplog):
    server = fault_server(key=CANARY, rates={"rate_limit": 0.2, "malformed": 0.2}, retry_after="0.01")
    home = point_at(server, CANARY)
    run(home, 30)
    server.key = "sk-other"
    with pytest.raises(EndpointError) as caught:
        run(home, 40, "second")
    assert CANARY not in str(caught.value) + repr(caught.value) + caplog.text
    files = [path for path in home.settings.home_dir.rglob("*") if path.is_file()]
    assert {"empathy.duckdb", "judge.json", "manifest.json"} <= {path.name for path in files}
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("n_slots", [1, 5])
def test_calls_in_flight_never_exceed_the_limit_and_reach_it(fault_server, point_at, run, n_slots):
    server = fault_server(delay_s=0.01)
    run(point_at(server), 40, max_concurrency=n_slots)
    assert server.most_in_flight == n_slots


def test_a_reply_with_a_surrogate_or_a_nul_is_kept_and_read(fault_server, point_at, run):
    server = fault_server(answer=lambda _: "Rationality: 3\nSensibility: 8\n\ud83d \x00")
    home = point_at(server)
    assert run(home, 3).coverage.n_scored == 3


@pytest.fixture
def judge_and_turns(fault_server, point_at):
    """A judge of a slow endpoint, and turns for it."""
    server = fault_server(delay_s=0.3)
    home = point_at(server)
    judge = load_judge(LLM, identify_judge(LLM, server.url), home.settings, ScoringConfig(max_concurrency=4))
    turns = [PlannedTurn(Turn(f"k{n}", (Utterance("speaker", f"Hello {n}"),), "Hi."), None) for n in range(40)]
    return server, judge, turns


class FullDisk(SegmentWriter):
    """A journal whose disk is full."""

    def append(self, *_):
        raise OSError(28, "No space left on device")


def test_where_the_journal_cannot_be_written_nothing_more_is_paid_for(judge_and_turns, tmp_path):
    server, judge, turns = judge_and_turns
    with pytest.raises(OSError, match="No space"):
        judge.score_chunk(turns, FullDisk(tmp_path, "run"), lambda _: None)
    time.sleep(0.5)
    assert len(server.calls) <= 4
    judge.close()


def test_closing_the_judge_in_mid_run_ends_its_chunks_and_keeps_what_was_answered(judge_and_turns, tmp_path):
    server, judge, turns = judge_and_turns

    def work():
        with SegmentWriter(tmp_path, "run") as writer:
            judge.score_chunk(turns, writer, lambda _: None)

    with ThreadPoolExecutor() as pool:
        chunk = pool.submit(work)
        time.sleep(0.5)
        judge.close()
        assert isinstance(chunk.exception(timeout=5), CancelledError)
    kept = [attempt for path in list_segments(tmp_path) for _, attempt in read_segment(path)]
    assert 1 <= len(kept) <= len(server.calls) < 40
