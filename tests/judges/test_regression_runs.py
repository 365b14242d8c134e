"""Runs over the anchors: asked anew each time, kept before they are read, taken up where they were left."""

import json
import time

import pytest

from tasks.config import JudgeConfig
from tasks.errors import ArtifactError, ConfigError, EndpointError, StoppedShortError
from tasks.home import Home
from tasks.judges import (
    RegressionConfig,
    derive_cases,
    find_last_run,
    list_replies,
    raise_faults,
    read_accepted_run,
    read_anchors,
    read_regressions,
    refuse_unaskable,
    review_run,
)
from tasks.scoring import read_answers
from tasks.settings import Settings
from tests.judges.small_anchors import LLM, SMALL, open_run, regress, write_small
from tests.scoring.fault_server import FaultServer

N_CASES = 18


@pytest.fixture
def endpoint():
    """Start a judge's endpoint; it ends with the test."""
    servers = []

    def start(**options) -> FaultServer:
        servers.append(FaultServer(**options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def point_at(tmp_path, home, monkeypatch):
    """Make the home's judge this server; a call of its model costs what tokens cost at 1 USD a million, if priced."""

    def point(server, key="sk-right", *, is_priced=False) -> Home:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        folder = home.settings.home_dir
        folder.mkdir(exist_ok=True)
        if is_priced:
            (folder / "prices.toml").write_text('[models]\n"judge-2026" = { input = 1, output = 1 }\n')
        monkeypatch.setattr("tasks.scoring.engine.waits.FIRST_BACKOFF_S", 0.001)
        return Home(Settings(home=folder), home.artifacts, home.store)

    return point


@pytest.fixture
def small(tmp_path):
    return RegressionConfig(anchors=write_small(tmp_path))


def count_asked(server):
    return len(server.calls), len({call.turn for call in server.calls})


def test_a_judge_is_asked_about_every_case_and_the_run_is_kept(endpoint, point_at, small):
    server = endpoint()
    home = point_at(server, is_priced=True)
    run = regress(home, small)
    assert count_asked(server) == (N_CASES, N_CASES)
    cases = derive_cases(read_anchors(small.anchors))
    told = {call.turn: tuple(map(float, server.scores_of(call.turn))) for call in server.calls}
    assert sorted(run.scores.values()) == sorted(told.values())
    assert (run.n_cases, run.n_unscored, run.agreement, run.faults) == (N_CASES, {}, None, ())
    assert run.cost_usd > 0
    assert (run.judge.alias, run.judge.kind, run.judge.model) == ("judge-2026-paper", "openai", "judge-2026")
    assert read_regressions(home.artifacts) == [run]
    assert find_last_run(home.artifacts, run.judge.judge_id, run.anchors) == run
    raise_faults(run)
    folder = home.settings.regressions_dir / run.journal
    assert set(read_answers(folder, open_identity(home))) == {case.turn.turn_key for case in cases}


def open_identity(home, judge=LLM):
    with open_run(home, judge) as run:
        return run.identity


def test_each_run_asks_anew_and_leaves_journal_and_tables_alone(endpoint, point_at, small):
    server = endpoint()
    home = point_at(server)
    first, second = regress(home, small), regress(home, small)
    assert count_asked(server) == (2 * N_CASES, N_CASES)
    assert (first.scores, first.journal != second.journal) == (second.scores, True)
    assert list(home.settings.journal_dir.rglob("*.json*")) == []
    assert not home.settings.database.exists()


def test_equal_texts_are_asked_once(endpoint, point_at, tmp_path):
    path = tmp_path / "twins.toml"
    path.write_text(SMALL + SMALL.replace('id = "', 'id = "twin-'), encoding="utf-8")
    server = endpoint()
    run = regress(point_at(server), RegressionConfig(anchors=str(path)))
    assert run.n_cases == 2 * N_CASES
    assert count_asked(server)[0] == N_CASES + 6  # what is appended goes by the place: padding and injection differ
    assert run.scores["rain/base"] == run.scores["twin-rain/base"] is not None


def test_a_run_that_stopped_is_taken_up_and_pays_for_nothing_twice(endpoint, point_at, small):
    server = endpoint()
    home = point_at(server, is_priced=True)
    with pytest.raises(StoppedShortError, match="budget"):
        regress(home, small, max_cost_usd=0.004, max_concurrency=2)
    n_before = len(server.calls)
    assert 0 < n_before < N_CASES
    assert read_regressions(home.artifacts) == []
    run = regress(home, small)
    assert count_asked(server) == (N_CASES, N_CASES)
    assert run.n_unscored == {}
    assert run.cost_usd == pytest.approx(sum(one.cost_usd for one in answers_of(home, run).values()))


def answers_of(home, run):
    return read_answers(home.settings.regressions_dir / run.journal, open_identity(home))


@pytest.mark.parametrize("change", ["old", "other anchors", "other judge", "damaged card"])
def test_a_run_that_is_old_or_of_others_is_not_taken_up(endpoint, point_at, small, tmp_path, change):
    server = endpoint()
    home = point_at(server, is_priced=True)
    with pytest.raises(StoppedShortError):
        regress(home, small, max_cost_usd=0.004, max_concurrency=2)
    n_before, judge = len(server.calls), LLM
    (card,) = home.settings.regressions_dir.rglob("run.json")
    if change == "old":
        values = json.loads(card.read_text())
        card.write_text(json.dumps(values | {"begun_at": time.time() - 6 * 3600 - 1}))
    if change == "damaged card":
        card.write_text("{")
    if change == "other anchors":
        path = tmp_path / "small.toml"
        path.write_text(path.read_text().replace("Soups are alike.", "Soups are all alike."))
    if change == "other judge":
        judge = LLM.model_copy(update={"rubric": "anchored"})
    run = regress(home, small, judge)
    assert (len(server.calls) - n_before, run.n_unscored) == (N_CASES, {})


def test_an_endpoint_that_refuses_stops_the_run_and_its_folder_is_taken_up(endpoint, point_at, small):
    server = endpoint()
    home = point_at(server, key="sk-wrong")
    with pytest.raises(EndpointError, match="auth"):
        regress(home, small)
    assert read_regressions(home.artifacts) == []
    home = point_at(server)
    run = regress(home, small)
    assert run.n_unscored == {}
    assert len(list((home.settings.regressions_dir / run.judge.judge_id).iterdir())) == 1


def test_cases_that_get_no_answer_leave_the_run_to_be_taken_up(endpoint, point_at, small):
    server = endpoint(rates={"server": 1.0})
    home = point_at(server)
    with pytest.raises(StoppedShortError, match=r"18 of 18 cases of the anchors got no answer: server 18"):
        regress(home, small)
    server.rates = {}
    assert regress(home, small).n_unscored == {}


def test_useless_replies_are_asked_again_and_refusals_have_their_reason(endpoint, point_at, small):
    server = endpoint(rates={"malformed": 0.3, "rate_limit": 0.2}, seed=4, retry_after="0.01")
    assert regress(point_at(server), small).n_unscored == {}
    assert server.count_faults()["malformed"] > 0
    stubborn = endpoint(rates={"refusal": 1.0})
    run = regress(point_at(stubborn), small)
    assert run.n_unscored == {"refusal": N_CASES}
    assert len(stubborn.calls) == 3 * N_CASES
    assert [(one.n, one.pass_rate) for one in run.relations] == [(0, None)] * 6
    assert "100% of the cases have no score: refusal 18 (at most 5%)" in run.faults


@pytest.mark.parametrize("method", ["logprobs", "samples"])
def test_methods_are_read_as_the_ledger_reads_them(endpoint, point_at, small, tmp_path, method):
    server = endpoint(spread=3)
    home = point_at(server)
    judge = LLM.model_copy(update={"method": method, "n_samples": 3})
    run = regress(home, small, judge)
    assert all(pair is not None for pair in run.scores.values())
    assert any(not float(value).is_integer() for pair in run.scores.values() for value in pair)
    identity = open_identity(home, judge)
    cases = derive_cases(read_anchors(small.anchors))
    answers = read_answers(home.settings.regressions_dir / run.journal, identity)
    path = tmp_path / "recorded.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in list_replies(cases, answers, identity)))
    replayed = regress(home, small, JudgeConfig(kind="replies", replies_file=str(path)))
    assert replayed.scores == run.scores


def test_samples_of_a_run_that_stopped_are_counted(endpoint, point_at, small):
    server = endpoint(breaks_after=2, ignores=("n",))
    home = point_at(server)
    judge = LLM.model_copy(update={"method": "samples", "n_samples": 3})
    with pytest.raises(StoppedShortError, match="too_few_samples 18"):
        regress(home, small, judge)
    server.breaks_after = None
    n_before = len(server.calls)
    assert regress(home, small, judge).n_unscored == {}
    assert len(server.calls) - n_before == N_CASES


def test_recorded_replies_are_read_and_what_is_missing_has_its_reason(home, small, tmp_path):
    cases = derive_cases(read_anchors(small.anchors))
    rows = [{"turn_key": case.turn.turn_key, "reply": f"Rationality: {n % 11}\nSensibility: 3"}
            for n, case in enumerate(cases)]  # fmt: skip
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (*rows[1:], {"turn_key": "x", "reply": "y"}, *rows[5:7])))
    run = regress(home, small, JudgeConfig(kind="replies", replies_file=str(path)))
    assert run.n_unscored == {"no_reply_recorded": 1}
    assert run.scores["rain/base"] is None
    assert run.scores[cases[4].name] == (3.0, 4.0)
    assert run.cost_usd == 0.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"turn_key": "x", "reply": "y"}\n', "None of the recorded replies belongs to an anchor"),
        ("", "None of the recorded replies"),
        ("[1]\n", "Line 1 is no JSON object"),
        ('{"turn_key": "x"}\n{"turn', "Line 2 is no JSON object"),
    ],
)
def test_recorded_replies_of_nothing_are_refused(home, small, tmp_path, content, said):
    path = tmp_path / "mine.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match=said):
        regress(home, small, JudgeConfig(kind="replies", replies_file=str(path)))


def test_the_distilled_judge_is_asked_like_any_other(home, small):
    run = regress(home, small.model_copy(update={"accept": True}), JudgeConfig())
    assert (run.n_unscored, run.is_accepted, run.cost_usd) == ({}, True, 0.0)
    again = regress(home, small, JudgeConfig())
    assert {name: one.kappa for name, one in again.agreement.dimensions.items()} == dict.fromkeys(again.mean, 1.0)
    assert again.drift == ()


def test_a_batch_is_refused_with_the_judge_to_use_instead():
    with pytest.raises(ConfigError, match="no gate can wait") as caught:
        refuse_unaskable(JudgeConfig(kind="openai-batch"))
    assert "--judge openai" in caught.value.do


def test_the_last_run_is_reviewed_with_other_bounds_and_accepted_without_asking(home, small):
    run = regress(home, small, JudgeConfig())
    cases = derive_cases(read_anchors(small.anchors))
    strict = review_run(home.artifacts, run, cases, small.model_copy(update={"tolerance": 0.0, "min_pass": 1.0}))
    assert strict.tolerance == 0
    assert sum(one.n_passed for one in strict.relations) <= sum(one.n_passed for one in run.relations)
    assert strict.faults
    assert read_accepted_run(home.artifacts, run.judge.judge_id, run.anchors) is None
    accepted = review_run(home.artifacts, run, cases, small.model_copy(update={"accept": True}))
    assert read_accepted_run(home.artifacts, run.judge.judge_id, run.anchors) == accepted
    assert [one.is_accepted for one in read_regressions(home.artifacts)] == [True]
    assert len(list((home.settings.regressions_dir / run.judge.judge_id).iterdir())) == 1


def test_an_accepted_run_that_is_damaged_lets_nothing_pass(home, small):
    run = regress(home, small.model_copy(update={"accept": True}), JudgeConfig())
    home.artifacts.write_note("accepted-regressions", f"{run.judge.judge_id}-{run.anchors}", "{}")
    with pytest.raises(ArtifactError, match="cannot be read"):
        regress(home, small, JudgeConfig())
    accepted = regress(home, small.model_copy(update={"accept": True}), JudgeConfig())
    assert read_accepted_run(home.artifacts, run.judge.judge_id, run.anchors) == accepted
