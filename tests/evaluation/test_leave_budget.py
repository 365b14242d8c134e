"""What judging responses cost is taken from the budget of whoever compares them."""

import pytest

from tasks.config import JudgeConfig, ScoringConfig
from tasks.evaluation.tasks import leave_budget
from tasks.scoring import commit_segments, identify_judge
from tasks.scoring.ledger.journal import Attempt, SegmentWriter

LLM = JudgeConfig(kind="openai", model="judge-2026")


@pytest.fixture
def spent(tmp_path, monkeypatch, make_home):
    """Make a home the process's own, in which the judge has spent 0.25 USD at 100 s and 0.5 USD at 200 s."""
    monkeypatch.setenv("EMPATHY_HOME", str(tmp_path))
    home, identity = make_home(tmp_path), identify_judge(LLM, None)
    folder = home.settings.journal_dir / identity.judge_id
    with SegmentWriter(folder, "run") as writer:
        for sent_at, cost in ((100.0, 0.25), (200.0, 0.5)):
            writer.append(Attempt("t", "r", sent_at, 0.1, reply="Rationality: 3\nSensibility: 8", cost_usd=cost))
    with home.store.transaction() as connection:
        commit_segments(connection, folder, identity)


@pytest.mark.parametrize(
    ("judge", "since", "left"), [(LLM, 150.0, 0.5), (LLM, 50.0, 0.25), (JudgeConfig(), 50.0, 1.0), (None, 50.0, 1.0)]
)
def test_the_calls_of_this_evaluation_are_taken_off_and_no_others(spent, judge, since, left):
    assert leave_budget.fn(ScoringConfig(max_cost_usd=1.0), judge, since).max_cost_usd == pytest.approx(left)


def test_without_a_budget_there_is_none_to_share(spent):
    assert leave_budget.fn(ScoringConfig(), LLM, 0.0) == ScoringConfig()
