"""The stability index, what chance makes of it, and what is said when the data has changed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.selection.drift import THRESHOLD_MOVE, find_judge_change, measure_drift
from tasks.selection.stability import NOTICE, SHIFT, chance_index, stability_index
from tasks.selection.summary import SelectionSummary, Spread

GRADES = np.array([1, 1, 2, 4, 8, 12, 20, 30, 16, 6]) / 100


def summary(sensibility=(), shares=None, emotions=None, words=None, judge_id="a", n=1000, **of) -> SelectionSummary:
    """Return a summary of n scored turns; what is not given is the same in all."""
    shares = shares or {"sensibility": 0.5, "rationality": 0.3, "discard": 0.2}
    spreads = {"sensibility": Spread(mean=6.0, sd=2.0, counts=tuple(sensibility))}
    if words:
        spreads["words"] = Spread(mean=words[0], sd=words[1])
    config = {"rule": "paper", "split": "train"} | of.pop("config", {})
    counts = {name: round(n * share) for name, share in shares.items()}
    return SelectionSummary(
        config=config, counts=counts, shares=shares, emotions=emotions or {}, spreads=spreads, judge_id=judge_id, **of
    )


def changed(*args, **kwargs) -> list[str]:
    return [change.what for change in measure_drift(*args, **kwargs).changes]


def test_the_index_is_the_formula_by_hand():
    # p = .4/.6 against .5/.5: (.4-.5) ln(.4/.5) + (.6-.5) ln(.6/.5)
    expected = -0.1 * math.log(0.8) + 0.1 * math.log(1.2)
    assert stability_index([50, 50], [400, 600]) == pytest.approx(expected)
    assert stability_index([3, 5, 0], [30, 50, 0]) == 0
    assert stability_index([0, 0], [1, 2]) is None


def test_an_empty_bin_counts_as_half_a_turn_and_the_index_is_the_same_both_ways():
    expected = (0.5 / 100 - 0.5) * math.log((0.5 / 100) / 0.5) + (1 - 0.5) * math.log(1 / 0.5)
    assert stability_index([50, 50], [0, 100]) == pytest.approx(expected)
    assert stability_index([0, 100], [50, 50]) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (30, 4000), (200, 200), (5000, 5000)])
def test_two_draws_of_one_population_are_no_drift_however_small(n, m):
    rng = np.random.default_rng(7)
    draws = [(rng.multinomial(n, GRADES), rng.multinomial(m, GRADES)) for _ in range(400)]
    over_chance = [stability_index(a, b) > chance_index(a, b) for a, b in draws]
    warned = [changed(summary(b.tolist(), n=m), summary(a.tolist(), n=n)) for a, b in draws]
    assert sum(over_chance) <= 8
    assert sum(map(bool, warned)) <= 4
    if (n, m) == (20, 20):  # the bare limit would have warned nearly always
        assert sum(stability_index(a, b) >= NOTICE for a, b in draws) > 300


def test_a_real_shift_is_seen_in_a_few_hundred_turns_and_named_by_its_size():
    rng = np.random.default_rng(7)
    other = np.roll(GRADES, -2)
    a, b = (rng.multinomial(400, p).tolist() for p in (GRADES, other))
    (change,) = measure_drift(summary(b), summary(a)).changes
    assert (change.what, change.level) == ("sensibility", "shift")
    assert stability_index(a, b) >= SHIFT
    (small,) = measure_drift(summary([500, 500]), summary([330, 670])).changes
    assert (small.level, "0.1 or more is a small shift" in small.said) == ("notice", True)


def test_another_judge_is_said_with_what_differs_of_it_and_is_no_drift():
    turns = {"emotions": {"proud": 500, "sad": 500}, "words": (13.0, 6.0)}
    then = summary([900, 100], alias="gpt", judge={"model": "m1", "rubric": "paper"}, **turns)
    now = summary([100, 900], judge_id="b", alias="gpt-2", judge={"model": "m2", "rubric": "paper"}, **turns)
    change = find_judge_change(now, then, "the run before")
    assert (change.what, change.level) == ("judge", "notice")
    assert change.said.startswith("another judge than that of the run before: gpt a -> gpt-2 b (other model)")
    assert "data" not in change.said
    drift = measure_drift(now, then, [then])
    assert (drift.changes, drift.stability) == ((), {"sensibility": None, "rationality": None, "emotions": 0.0})
    assert find_judge_change(now, summary(judge_id=""), "it") is None, "an old manifest does not say who judged"
    assert changed(now, summary([900, 100], judge_id="", **turns)) == ["sensibility"]


def test_longer_responses_are_said_if_that_is_neither_chance_nor_a_trifle():
    then = summary(words=(13.0, 6.0))
    assert changed(summary(words=(16.0, 6.0)), then) == ["length"]
    assert changed(summary(words=(13.9, 6.0)), then) == []
    assert changed(summary(words=(16.0, 6.0), n=30), summary(words=(13.0, 6.0), n=30)) == []


def test_emotions_that_come_and_go_are_said():
    then = summary(emotions={"proud": 500, "sad": 500})
    (change,) = measure_drift(summary(emotions={"proud": 500, "sad": 100, "odd\x1b[31m": 400}), then).changes
    assert change.what == "emotions"
    assert "\x1b" not in change.said
    assert changed(summary(emotions={"proud": 520, "sad": 480}), then) == []


def share(value: float, **of) -> SelectionSummary:
    return summary(shares={"sensibility": value, "rationality": 0.3, "discard": round(0.7 - value, 6)}, n=100_000, **of)


def test_a_share_is_held_against_the_band_of_like_runs_only():
    few = [share(0.50), share(0.52)]
    assert changed(share(0.53), few[0], few) == []  # two points beyond the largest are free
    assert changed(share(0.56), few[0], few) == ["share of sensibility", "share of discard"]
    assert changed(share(0.56), few[0]) == []  # nothing to hold it against
    other_rule = share(0.56, config={"rule": "released"})
    assert changed(other_rule, few[0], few) == []
    many = [share(value) for value in (0.40, 0.45, 0.50, 0.55, 0.60)]
    assert changed(share(0.70), many[2], many) == []  # three deviations of runs that differ much
    assert changed(share(0.76), many[2], many) == ["share of sensibility", "share of discard"]


def target(threshold: float, value: float = 0.59, axis: str = "sensibility", **of) -> SelectionSummary:
    config = {"target_share": 0.59, f"{axis}_threshold": threshold, **({"axis": axis} if axis != "sensibility" else {})}
    return share(value, config=config | of.pop("config", {}), target_reason="found so", **of)


def test_shares_of_a_target_have_a_band_whatever_threshold_was_found():
    few = [target(5.0), target(5.2, 0.60)]
    assert changed(target(5.1, 0.59), few[0], few) == []
    assert changed(target(5.1, 0.30), few[0], few) == ["share of sensibility", "share of discard"]
    assert changed(target(5.1, 0.30, config={"rationality_threshold": 4.0}), few[0], few) == []
    fixed = [share(0.5, config={"sensibility_threshold": 5.0})]
    assert changed(share(0.9, config={"sensibility_threshold": 2.0}), fixed[0], fixed) == []


def test_a_band_outlives_new_scores_of_the_judge_that_must_agree():
    few = [share(0.5, config={"agree_with": digest, "min_agreement": 0.8}) for digest in ("aa", "bb")]
    assert changed(share(0.9, config={"agree_with": "cc", "min_agreement": 0.8}), few[0], few) != []
    assert changed(share(0.9, config={"agree_with": "cc", "min_agreement": 0.7}), few[0], few) == []
    assert changed(share(0.9), few[0], few) == []


@pytest.mark.parametrize("axis", ["sensibility", "rationality"])
def test_a_found_threshold_that_jumped_is_said_with_its_reason(axis):
    (change,) = measure_drift(target(6.25, axis=axis), target(5.0, axis=axis)).changes
    assert (change.what, change.before, change.now) == ("threshold", "5", "6.25")
    assert change.said == f"{axis} threshold found for the target share: 5 -> 6.25 (found so)"
    assert changed(target(5.0 + THRESHOLD_MOVE, axis=axis), target(5.0, axis=axis)) == []


def test_a_found_threshold_is_held_against_one_that_was_asked_for_alike():
    other = target(1.0, config={"target_share": 0.2})
    assert changed(target(5.0), other) == []
    assert changed(target(5.0), share(0.59, config={"sensibility_threshold": 1.0})) == []
    assert changed(target(5.0), target(1.0, judge_id="b")) == []
    assert changed(target(7.0), other, [target(5.0), other]) == ["threshold"], "the last such one, if not the last"
    assert changed(target(5.3), target(4.7), [target(5.2)]) == ["threshold"], "what it is compared with comes first"


def test_the_share_of_turns_without_a_score_has_a_band_too():
    then = summary(n=1000, n_unscored=10)
    assert changed(summary(n=1000, n_unscored=12), then, [then]) == []
    assert changed(summary(n=1000, n_unscored=200), then, [then]) == ["share of unscored"]


def test_a_summary_that_knows_little_is_compared_in_what_it_knows():
    nothing = SelectionSummary(config={}, counts={}, shares={})
    drift = measure_drift(nothing, summary([5, 5], words=(3.0, 1.0)), [nothing])
    assert (drift.changes, set(drift.stability.values())) == ((), {None})
