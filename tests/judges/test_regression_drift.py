"""Drift from the accepted run: what is measured, what is too much, and what a person is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from tasks.config import JudgeConfig
from tasks.errors import DriftError
from tasks.judges import RegressionConfig, derive_cases, raise_faults, read_accepted_run, read_anchors
from tasks.judges.regression.drift import measure_drift
from tasks.scoring.ledger.journal import Attempt
from tests.judges.small_anchors import regress, write_small

whole = st.integers(0, 10).map(float)
runs = st.lists(st.tuples(whole, whole, whole, whole), min_size=2, max_size=40)


@pytest.fixture
def replay(home, tmp_path):
    """Make runs of one recorded judge, which replies what a test writes: a file's bytes are its identity otherwise."""
    anchors = write_small(tmp_path)
    cases = derive_cases(read_anchors(anchors))

    def run(score, **bounds):
        class Scripted:
            def score_chunk(self, turns, writer, on_done):
                for place, planned in enumerate(turns):
                    pair = score(place)
                    reply = "No." if pair is None else f"Sensibility: {pair[0]}\nRationality: {pair[1]}"
                    writer.append(
                        Attempt(planned.turn.turn_key, "r", float(place), 0.0, reply=reply, method="recorded")
                    )
                on_done(len(turns))

            def describe(self):
                return {}

            def close(self):
                return None

        return regress(home, RegressionConfig(anchors=anchors, **bounds), JudgeConfig(), judged_by=Scripted())

    run.n_cases = len(cases)
    return run


@given(runs)
def test_agreement_is_kappa_and_shift_of_the_common_cases(rows):
    before = {f"a{n}/base": (s, r) for n, (s, r, _, _) in enumerate(rows)} | {"gone/base": (9.0, 9.0), "b/base": None}
    now = {f"a{n}/base": (s, r) for n, (_, _, s, r) in enumerate(rows)} | {"b/base": (1.0, 1.0), "new/base": (0.0, 0.0)}
    found = measure_drift(now, before, "then", "2026-01-02")
    assert found.n_common == len(rows)
    for place, one in enumerate(found.dimensions.values()):
        old, new = [row[place] for row in rows], [row[place + 2] for row in rows]
        assert one.shift == pytest.approx((sum(new) - sum(old)) / len(rows), abs=1e-5)
        if len({*old, *new}) == 1:
            assert one.kappa == 1.0
        else:
            labels = list(range(11))
            expected = cohen_kappa_score(old, new, weights="quadratic", labels=labels)
            assert one.kappa == pytest.approx(expected, abs=1e-5)


@given(runs)
def test_a_run_never_drifts_from_itself(rows):
    scores = {f"a{n}/base": (s, r) for n, (s, r, _, _) in enumerate(rows)}
    found = measure_drift(scores, scores, "then", "2026-01-02")
    assert found.find_faults(1.0, 0.0) == []


def test_runs_without_a_common_case_cannot_pass():
    found = measure_drift({"a/base": (1.0, 2.0)}, {"a/base": None}, "then", "2026-01-02")
    assert (found.n_common, found.dimensions) == (0, {})
    assert found.find_faults(0.0, 10.0) == ["no case has a score in both runs"]


def test_the_first_run_passes_and_nothing_is_accepted_unasked(replay, home, caplog):
    run = replay(lambda place: (place % 11, 3))
    raise_faults(run)
    assert (run.agreement, run.is_accepted) == (None, False)
    assert read_accepted_run(home.artifacts, run.judge.judge_id, run.anchors) is None
    assert "--last --accept" in caplog.text


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (lambda place: (place % 11, 3), ""),
        (lambda place: (10 - place % 11, 3), r"kappa of sensibility is -\d\.\d\d \(at least 0\.8\)"),
        (lambda place: (min(10, place % 11 + 1), 3), r"the mean of sensibility went from 4\.\d\d to 5\.\d\d \(at most"),
        (
            lambda place: (place % 11, 4),
            r"kappa of rationality is 0\.00 .*the mean of rationality went from 3\.00 to 4",
        ),
        (lambda place: None if place == 0 else (place % 11, 3), "6% of the cases have no score: unparseable 1"),
    ],
)
def test_what_has_moved_too_far_is_told_with_what_to_do(replay, score, said):
    replay(lambda place: (place % 11, 3), accept=True)
    run = replay(score)
    if not said:
        raise_faults(run)
        assert {one.kappa for one in run.agreement.dimensions.values()} == {1.0}
        return
    with pytest.raises(DriftError, match=said) as caught:
        raise_faults(run, "Nothing was paid.")
    assert caught.value.exit_code == 1
    assert caught.value.what.endswith("Nothing was paid.")
    assert run.name in caught.value.where
    assert "--failures" in caught.value.do


def test_a_drift_that_is_accepted_is_the_new_normal(replay):
    replay(lambda place: (place % 11, 3), accept=True)
    moved = replay(lambda place: (place % 11, 9), accept=True)
    assert moved.drift
    raise_faults(moved)
    raise_faults(replay(lambda place: (place % 11, 9)))
    with pytest.raises(DriftError):
        raise_faults(replay(lambda place: (place % 11, 3)))


def test_bounds_can_be_wider(replay):
    replay(lambda place: (place % 11, 3), accept=True)
    with pytest.raises(DriftError):
        raise_faults(replay(lambda place: (place % 11, 4)))
    wider = replay(lambda place: (place % 11, 4), max_shift=1, min_agreement=0)
    raise_faults(wider)
    assert wider.agreement is not None


def test_a_run_with_gaps_or_below_its_pass_rate_is_not_accepted(replay, home):
    for score, bounds in ((lambda place: None if place < 3 else (5, 5), {}), (lambda _: (5, 5), {"min_pass": 0.5})):
        run = replay(score, accept=True, **bounds)
        assert not run.is_accepted
        with pytest.raises(DriftError, match="fails the anchors") as caught:
            raise_faults(run)
        assert "--accept" not in caught.value.do
        assert read_accepted_run(home.artifacts, run.judge.judge_id, run.anchors) is None
