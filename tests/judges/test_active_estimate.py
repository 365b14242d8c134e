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


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(5)
    n, n_known, m = 4000, 1000, 150
    theirs = np.where(draw.random((n, 1)) < 0.6, [WARM], [NONE])
    ours = np.where(draw.random((n, 1)) < 0.25, [WARM] + theirs * 0, theirs)
    truth = (theirs[n_known:] != ours[n_known:]).any(axis=1).sum() / n
    held = 0
    for _ in range(200):
        audit = n_known + draw.choice(n - n_known, m, replace=False)
        answered = np.vstack([theirs[:n_known], theirs[audit]])
        found = estimate_agreement(answered, theirs[audit], ours[audit], n - n_known - m, BOUNDS).disagreement
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth * (n - n_known - m) / (n - n_known) <= found.high
    assert held >= 180
