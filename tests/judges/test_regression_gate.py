"""The drift gate: who is asked before a run is paid for, who passes unasked, and who is refused."""

import shlex
from datetime import UTC, datetime, timedelta

import pytest

from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ArtifactError, ConfigError, StoppedShortError, UsageError
from tasks.judges import (
    RegressionConfig,
    choose_anchors,
    derive_cases,
    digest_cases,
    find_last_run,
    find_pass,
    read_anchors,
    read_regressions,
)
from tasks.judges.regression.runs import accept_run, keep_run, name_run
from tasks.judges.tasks import pass_drift_gate
from tasks.reporting.judges.notes import read_judge_notes
from tasks.scoring import RUNS, Plan, identify_judge
from tasks.scoring.ledger.journal import Attempt
from tests.judges.small_anchors import LLM, SMALL, open_run, regress, write_small

URL = "http://localhost:8000/v1"


class Scripted:
    """A judge that gives each turn the scores of its place, and knows how often it was asked."""

    def __init__(self, score=lambda place: (place % 11, 3), stops=None):
        self.score, self.stops, self.n_asked = score, stops, 0

    def score_chunk(self, turns, writer, on_done):
        for place, planned in enumerate(turns):
            self.n_asked += 1
            if self.stops and place == self.stops:
                raise StoppedShortError("The budget is used: 1 of 1 USD.", do="run it again to go on")
            reply = "Sensibility: {}\nRationality: {}".format(*self.score(place))
            writer.append(Attempt(planned.turn.turn_key, "r", float(place), 0.0, reply=reply, method="schema"))
        on_done(len(turns))

    def describe(self):
        return {}

    def close(self):
        return None


@pytest.fixture
def small(tmp_path):
    return RegressionConfig(anchors=write_small(tmp_path))


@pytest.fixture
def other(tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(SMALL.replace("Soups are alike.", "Soups are all alike."), encoding="utf-8")
    return RegressionConfig(anchors=str(path))


def accept(home, regression, judge=LLM):
    return regress(home, regression.model_copy(update={"accept": True}), judge, judged_by=Scripted())


def look(home, regression, judge=LLM):
    identity = identify_judge(judge, home.settings.judge_base_url)
    return find_pass(home.artifacts, judge, identity, URL, regression)


def age(home, run, **by):
    """Put a run before now, as if it had been made then."""
    then = datetime.now(UTC) - timedelta(**by)
    old = run.model_copy(update={"made_at": then.isoformat(), "name": name_run(then, run.judge.judge_id, run.anchors)})
    folder = home.artifacts.root + "/regressions"
    home.artifacts.fs.rm_file(f"{folder}/{run.name}.json")
    keep_run(home.artifacts, old)


def pass_gate(home, judged_by, regression, tmp_path, judge=LLM):
    with open_run(home, judge, judged_by) as run:
        RUNS[run.name] = run
        try:
            plan = Plan(path=tmp_path / "plan.parquet", n_turns=12, n_chunks=1)
            pass_drift_gate.fn(run.name, judge, ScoringConfig(drift_gate=True), plan, regression)
        finally:
            del RUNS[run.name]


def test_without_an_accepted_run_nobody_is_asked_and_the_command_is_told(home, small, tmp_path):
    judged_by = Scripted()
    with pytest.raises(ArtifactError, match="No run of the judge judge-2026-paper over the anchors") as caught:
        pass_gate(home, judged_by, small, tmp_path)
    assert (judged_by.n_asked, caught.value.exit_code) == (0, 1)
    words = shlex.split(caught.value.do.partition("accept one first: ")[2])
    assert words[:5] == ["empathy", "judge", "regress", "--judge", "openai"]
    assert words[-3:] == ["--anchors", small.anchors, "--accept"]


def test_the_command_names_all_that_makes_the_judge_and_no_password(home, small):
    judge = LLM.model_copy(update={"method": "samples", "n_samples": 3, "rubric": "anchored", "endpoint_alias": "a b"})
    with pytest.raises(ArtifactError) as caught:
        look(home, small, judge)
    for part in (f"--base-url {URL}", "--endpoint-alias 'a b'", "--method samples", "--samples 3", "--rubric anchored"):
        assert part in caught.value.do
    identity = identify_judge(LLM, None)
    with pytest.raises(ArtifactError) as caught:
        find_pass(home.artifacts, LLM, identity, "http://me:secret@localhost/v1", small)
    assert "secret" not in str(caught.value)
    with pytest.raises(ArtifactError, match="flow judge-regression"):
        look(home, small, LLM.model_copy(update={"temperature": 0.5}))


def test_what_was_accepted_over_other_anchors_does_not_count_and_is_named(home, small, other):
    accept(home, other)
    with pytest.raises(ArtifactError, match="has been accepted") as caught:
        look(home, small)
    assert other.anchors in caught.value.where
    assert look(home, other) == ""


@pytest.mark.parametrize("kind", ["distilled", "replies"])
def test_a_judge_that_cannot_change_passes_unasked_in_a_fresh_home(home, tmp_path, kind, caplog):
    replies = tmp_path / "r.jsonl"
    replies.write_text('{"turn_key": "x", "reply": "y"}\n')
    judge = JudgeConfig(kind=kind, replies_file=str(replies) if kind == "replies" else "")
    judged_by = Scripted()
    pass_gate(home, judged_by, RegressionConfig(), tmp_path, judge)
    assert judged_by.n_asked == 0
    assert caplog.text.count("passes the drift gate unasked") == 1
    assert not home.settings.regressions_dir.exists()


def test_a_gate_that_was_passed_is_not_paid_for_again_by_a_run_that_goes_on(home, small, tmp_path, caplog):
    accept(home, small)
    assert look(home, small) == ""  # the accepted run does not say that the judge is still so
    run = regress(home, small, judged_by=Scripted())
    judged_by = Scripted()
    pass_gate(home, judged_by, small, tmp_path)
    assert judged_by.n_asked == 0
    assert "it had not drifted in the run of" in caplog.text
    age(home, run, hours=6, seconds=1)
    assert look(home, small) == ""


@pytest.mark.parametrize("change", ["drifted", "stricter bounds", "other judge", "in the future"])
def test_a_run_that_shows_nothing_passes_no_gate(home, small, change):
    accept(home, small)
    accept(home, small, LLM.model_copy(update={"rubric": "anchored"}))
    if change == "drifted":
        regress(home, small, judged_by=Scripted())
        regress(home, small, judged_by=Scripted(lambda place: (10 - place % 11, 3)))
    if change == "stricter bounds":
        regress(home, small, judged_by=Scripted())
        small = small.model_copy(update={"min_pass": 1.0})
    if change == "other judge":
        regress(home, small, LLM.model_copy(update={"rubric": "anchored"}), judged_by=Scripted())
    if change == "in the future":
        age(home, regress(home, small, judged_by=Scripted()), hours=-1)
    assert look(home, small) == ""


def test_a_budget_that_ends_in_the_gate_says_that_no_turn_was_asked_about(home, small, tmp_path):
    accept(home, small)
    with pytest.raises(StoppedShortError, match=r"drift gate stopped before its end\. The budget is used") as caught:
        pass_gate(home, Scripted(stops=5), small, tmp_path)
    assert "Only anchors were asked about, none of the 12 turns." in caught.value.what
    assert caught.value.do.startswith("run it again to go on; what anchors were answered is kept")


def test_a_gate_accepts_nothing_and_waits_for_no_batch(home, small):
    with pytest.raises(ConfigError, match="A gate accepts no run"):
        look(home, small.model_copy(update={"accept": True}))
    with pytest.raises(ConfigError, match="no gate can wait"):
        look(home, small, JudgeConfig(kind="openai-batch"))


def test_the_anchors_are_those_of_the_accepted_run_if_there_is_one_set(home, small, other):
    identity = identify_judge(LLM, None)
    assert choose_anchors(home.artifacts, identity) == ""
    accept(home, small)
    accept(home, other, LLM.model_copy(update={"rubric": "anchored"}))
    assert choose_anchors(home.artifacts, identity) == small.anchors
    run = accept(home, other)
    with pytest.raises(UsageError, match="over 2 sets of anchors") as caught:
        choose_anchors(home.artifacts, identity)
    assert small.anchors in caught.value.what
    assert other.anchors in caught.value.what
    accept_run(home.artifacts, run.model_copy(update={"anchors_at": "", "anchors": "a-third"}))
    with pytest.raises(UsageError, match=r"over 3 sets .*ours"):
        choose_anchors(home.artifacts, identity)


def test_a_judge_that_is_seldom_run_is_found_beside_one_of_every_night(home, small):
    seldom = regress(home, small, judged_by=Scripted())
    assert [one.made_at for one in read_judge_notes(home.artifacts).regressions] == [seldom.made_at]
    for n in range(201):
        now = datetime.now(UTC) + timedelta(seconds=n)
        nightly = seldom.judge.model_copy(update={"judge_id": "b" * 16})
        update = {"name": name_run(now, "b" * 16, seldom.anchors), "judge": nightly}
        keep_run(home.artifacts, seldom.model_copy(update=update))
    digest = digest_cases(derive_cases(read_anchors(small.anchors)))
    assert find_last_run(home.artifacts, seldom.judge.judge_id, digest) == seldom
    assert find_last_run(home.artifacts, "b" * 16, digest).name == update["name"]
    assert find_last_run(home.artifacts, "b" * 16, "0" * 16) is None
    assert len(read_regressions(home.artifacts)) == 200
