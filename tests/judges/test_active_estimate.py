"""What an audit says of guesses, by hand and against the truth."""

import numpy as np
import pytest

from tasks.judges.active.estimate import estimate_agreement

WARM, COOL, NONE = [8.0, 2.0], [2.0, 8.0], [2.0, 2.0]
BOUNDS = (5.0, 5.0)


def test_each_audited_turn_stands_for_those_like_it() -> None:
    """Known: 3 warm, 1 cool. Audit of 4: two right (warm, none), one wrongly warm, one wrongly none. 12 are guesses."""
    answered = np.array([WARM, WARM, WARM, COOL])
    theirs, ours = np.array([WARM, NONE, NONE, WARM]), np.array([WARM, NONE, WARM, NONE])
    found = estimate_agreement(answered, theirs, ours, 12, BOUNDS)
    assert (found.n_audited, found.n_guessed) == (4, 12)
    assert found.disagreement.value == pytest.approx(6 / 16)
    assert found.sensibility_jaccard.value == pytest.approx((3 + 3) / (3 + 9))
    assert found.rationality_jaccard.value == 1.0
    assert found.sensibility_share.value == pytest.approx((3 + 6) / 16)
    assert found.rationality_share.value == pytest.approx(1 / 16)


def test_nothing_is_known_without_an_audit_and_all_without_guesses() -> None:
    some, none = np.array([WARM, COOL]), np.empty((0, 2))
    assert estimate_agreement(some, none, none, 5, BOUNDS).disagreement.value is None
    whole = estimate_agreement(some, none, none, 0, BOUNDS)
    assert (whole.disagreement.value, whole.sensibility_jaccard.value, whole.sensibility_share.value) == (0.0, 1.0, 0.5)


@pytest.mark.parametrize("n_audited", [10, 30, 150])
@pytest.mark.parametrize("apart", [0.01, 0.05, 0.15, 0.4])
def test_the_intervals_hold_the_truth_as_often_as_they_say(n_audited: int, apart: float) -> None:
    """Jeffreys' dips to some 90 % at single shares: of 300 audits at least 88 %, small audits and rare faults too."""
    draw = np.random.default_rng(int(1000 * apart) + n_audited)
    n, n_known = 20_000, 1000
    theirs = np.where(draw.random((n, 1)) < 0.6, [WARM], [NONE])
    ours = np.where(draw.random((n, 1)) < apart, [WARM] + theirs * 0, theirs)
    ours[draw.random(n) < apart / 2] = NONE
    guessed, answered = slice(n_known, None), theirs[:n_known]
    n_guessed = n - n_known
    is_apart = (theirs != ours).any(axis=1)[guessed].sum() / n
    a, b = theirs[guessed, 0] > 5, ours[guessed, 0] > 5
    inside = (answered[:, 0] > 5).sum()
    jaccard = (inside + (a & b).sum()) / (inside + (a | b).sum())
    held = np.zeros(2)
    for _ in range(300):
        rows = n_known + draw.choice(n_guessed, n_audited, replace=False)
        found = estimate_agreement(answered, theirs[rows], ours[rows], n_guessed, BOUNDS)
        for place, (interval, truth) in enumerate(
            ((found.disagreement, is_apart * n / (n_known + n_guessed)), (found.sensibility_jaccard, jaccard))
        ):
            assert interval.low is not None
            assert interval.high is not None
            held[place] += interval.low <= truth <= interval.high
    assert (held / 300 >= 0.88).all(), held / 300


def test_an_audit_that_saw_no_difference_does_not_prove_that_there_is_none() -> None:
    ten = np.array([WARM] * 6 + [NONE] * 4)
    found = estimate_agreement(ten, ten, ten, 1000, BOUNDS)
    assert (found.disagreement.value, found.disagreement.low) == (0.0, 0.0)
    assert found.disagreement.high == pytest.approx(0.217, abs=0.01)  # Jeffreys for 0 of 10, by the authors' table
    assert found.sensibility_jaccard.value == 1.0
    assert found.sensibility_jaccard.low is not None
    assert found.sensibility_jaccard.low < 0.9
