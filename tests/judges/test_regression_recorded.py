"""The shipped anchors through replies of a language model, recorded once: what a good judge keeps to, offline.

The replies are those of an assistant model, of the kind that also wrote the anchors. It was given the rubric `paper`
and the cases as the scoring client asks them, shuffled, in three parts read apart from each other, so that a difference
of a point between two cases of one anchor is chance; it was told neither the relations nor the ranges.
"""

from pathlib import Path

import pytest

from tasks.config import JudgeConfig
from tasks.home import Home
from tasks.judges import RegressionConfig, raise_faults
from tests.judges.small_anchors import regress

RECORDED = Path(__file__).parent / "data" / "anchor_replies.jsonl"
LEAST = {
    "warmth_removed": 1.0, "advice_to_sympathy": 1.0, "paraphrase": 0.97, "name_change": 0.94, "padding": 0.98,
    "injection": 0.87,
}  # fmt: skip
"""Pass rates that the recorded judge reaches, rounded down."""
LEAST_INSIDE = {"sensibility": 1.0, "rationality": 0.98}
"""Shares of the unchanged anchors whose score is in its expected range."""


@pytest.fixture(scope="module")
def judge() -> JudgeConfig:
    return JudgeConfig(kind="replies", replies_file=str(RECORDED))


def test_the_recorded_judge_keeps_to_every_relation_and_range(home: Home, judge: JudgeConfig) -> None:
    run = regress(home, RegressionConfig(), judge)
    assert run.n_unscored == {}
    rates = {one.relation: one.pass_rate for one in run.relations}
    assert rates.keys() == LEAST.keys()
    assert {name: rate for name, rate in rates.items() if rate < LEAST[name]} == {}
    inside = {one.dimension: one.share for one in run.ranges if one.kind == "all"}
    assert {name: share for name, share in inside.items() if share < LEAST_INSIDE[name]} == {}


def test_the_recorded_judge_does_not_drift_from_itself(home: Home, judge: JudgeConfig) -> None:
    regress(home, RegressionConfig(accept=True), judge)
    again = regress(home, RegressionConfig(), judge)
    raise_faults(again)
    assert {one.kappa for one in again.agreement.dimensions.values()} == {1.0}
