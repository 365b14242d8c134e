"""Finer scores end to end: expected values, means of samples, and what an endpoint without either gets."""

from statistics import fmean, stdev

import pytest

from tasks.scoring.ledger.journal import list_segments, read_segment
from tests.scoring.completions import expect
from tests.scoring.looking import ask_tables, count_attempts, show_turn

LOGPROBS = {"method": "logprobs"}
SAMPLES = {"method": "samples", "n_samples": 4}


def read_fine_scores(home):
    """Return (sensibility, its sd, rationality, its sd, method) or the reason by the dialogue as the judge saw it."""
    rows = ask_tables(
        home,
        "SELECT s.turn_key, t.prompt, t.response, sensibility, sensibility_sd, rationality, rationality_sd, method, "
        "unscored_reason FROM scores s JOIN read_parquet($files) t USING (turn_key)",
        {"files": home.turn_files(home.list_corpus())},
    )
    return {show_turn(*row[:3]): row[8] or row[3:8] for row in rows}


def expect_samples(server, turn, n, first=0):
    """What the mean and the deviation of a turn's first samples are: they rise by 0 .. spread - 1, up to 10."""
    sensibility, rationality = server.scores_of(turn)
    samples = [min(10, sensibility + number % server.spread) for number in range(first, first + n)]
    return fmean(samples), stdev(samples), rationality, 0.0, "samples"


def told_otherwise(notices):
    return [text for text in notices() if "another way" in text]


def test_logprobs_give_the_expected_value_and_its_deviation(fault_server, point_at, run, notices):
    server = fault_server()
    home = point_at(server)
    assert run(home, 25, judge=LOGPROBS).coverage.n_scored == 25
    for turn, found in read_fine_scores(home).items():
        (s, s_sd), (r, r_sd) = (expect(score) for score in server.scores_of(turn))
        assert found[:4] == pytest.approx((s, s_sd, r, r_sd), abs=1e-4)
        assert found[4] == "logprobs"
    assert (len(server.calls), count_attempts(home)) == (25, {"": 25})
    assert told_otherwise(notices) == []


@pytest.mark.parametrize("how", [{"lacks": ("logprobs",)}, {"ignores": ("logprobs",)}])
def test_an_endpoint_without_logprobs_is_told_apart_once_and_gives_samples(fault_server, point_at, run, notices, how):
    """A refusal, or a reply that has none, costs one call (here one is in flight); the turns get five samples each."""
    server = fault_server(spread=3, **how)
    home = point_at(server)
    assert run(home, 6, judge=LOGPROBS, max_concurrency=1).coverage.n_scored == 6
    without = server.calls[0].turn if "ignores" in how else ""  # that reply is of no method, so it is not counted
    assert read_fine_scores(home) == {
        turn: expect_samples(server, turn, 5, first=turn == without) for turn in server.faults_of_turn
    }
    assert len(server.calls) == 1 + 6
    assert [bool(call.body.get("logprobs")) for call in server.calls] == [True] + [False] * 6
    assert len(told_otherwise(notices)) == 1
    assert run(home, 8, "next", judge=LOGPROBS).coverage.n_scored == 8
    assert len(server.calls) == 1 + 8
    assert len(told_otherwise(notices)) == 1
    assert {found[4] for found in read_fine_scores(home).values()} == {"samples"}


@pytest.mark.parametrize(("how", "calls_per_turn"), [({}, 1), ({"lacks": ("n",)}, 4), ({"ignores": ("n",)}, 4)])
def test_samples_give_their_mean_however_many_a_call_brings(fault_server, point_at, run, how, calls_per_turn):
    server = fault_server(spread=3, **how)
    home = point_at(server)
    assert run(home, 10, judge=SAMPLES, max_concurrency=1).coverage.n_scored == 10
    assert read_fine_scores(home) == {turn: expect_samples(server, turn, 4) for turn in server.faults_of_turn}
    assert len(server.calls) == 10 * calls_per_turn + ("lacks" in how)
    asked_n = {call.body.get("n", 1) for call in server.calls}
    assert asked_n == ({4} if not how else {4, 1} if "lacks" in how else {4, 3, 2, 1})


@pytest.mark.parametrize("how", [{}, {"lacks": ("n",)}])
def test_samples_that_are_of_no_use_are_asked_for_again_and_no_more_than_those(
    fault_server, point_at, run, quick_backoff, how
):
    rates = {"malformed": 0.08, "refusal": 0.04, "truncated": 0.04, "server": 0.05}
    server = fault_server(rates=rates, seed=1, spread=3, **how)
    home = point_at(server)
    assert run(home, 30, judge=SAMPLES).coverage.n_scored == 30
    assert read_fine_scores(home) == {turn: expect_samples(server, turn, 4) for turn in server.faults_of_turn}
    assert set(server.n_samples.values()) == {4}
    assert server.count_faults()["malformed"] > 1
    assert sum(count_attempts(home).values()) == len(server.calls)


def test_a_run_that_was_stopped_in_between_asks_only_for_the_samples_that_are_missing(
    fault_server, point_at, run, quick_backoff
):
    """The endpoint answers each turn once or twice and then breaks for good; the next run asks for the rest."""
    server = fault_server(lacks=("n",), spread=3)
    home = point_at(server)
    assert run(home, 1, "finds out", judge=SAMPLES, max_concurrency=1).coverage.n_scored == 1
    server.breaks_after = 2
    result = run(home, 12, "broken", judge=SAMPLES)
    assert (result.coverage.n_scored, result.coverage.n_transient) == (1, 11)
    assert set(result.coverage.unscored) == {"too_few_samples"}
    assert set(server.n_samples.values()) == {2, 4}
    server.breaks_after = None
    assert run(home, 12, "mended", judge=SAMPLES).coverage.n_scored == 12
    assert set(server.n_samples.values()) == {4}
    assert read_fine_scores(home) == {turn: expect_samples(server, turn, 4) for turn in server.faults_of_turn}


def test_every_sample_is_in_the_journal_as_it_came(fault_server, point_at, run):
    server = fault_server(spread=3)
    result = run(point_at(server), 3, judge=SAMPLES)
    kept = [attempt for path in list_segments(result.folder) for _, attempt in read_segment(path)]
    assert [(len(set(attempt.choices)) > 1, attempt.method) for attempt in kept] == [(True, "samples")] * 3


@pytest.mark.parametrize("judge", [LOGPROBS, SAMPLES])
def test_finer_scores_are_asked_for_with_evidence_too(fault_server, point_at, run, judge):
    home = point_at(fault_server())
    assert run(home, 4, judge={**judge, "rubric": "anchored"}).coverage.n_scored == 4
    assert {found[4] for found in read_fine_scores(home).values()} == {judge["method"]}
