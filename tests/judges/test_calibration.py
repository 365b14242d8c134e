"""Maps from one judge's scores to another's: they rise, stay on the scale, and are tried on unseen dialogues."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.errors import UsageError
from tasks.judges import Curve, fit_calibration, measure_calibration, read_calibration, write_calibration
from tasks.judges.calibration import fit_curve

SCORES = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=80)


def make_pairs(n=300, seed=0):
    """A judge whose whole numbers stand at half the reference's distance from 2, with some noise."""
    draw = np.random.default_rng(seed)
    scores = draw.integers(0, 11, n).astype(float)
    reference = np.clip(0.5 * scores + 2 + draw.normal(0, 0.5, n), 0, 10)
    return pl.DataFrame(
        {"dialogue_id": [f"d{row // 2}" for row in range(n)], "sensibility": scores, "rationality": scores[::-1].copy(),
         "reference_sensibility": reference, "reference_rationality": reference[::-1].copy()}
    )  # fmt: skip


@given(SCORES)
def test_a_fitted_map_rises_and_stays_on_the_scale(pairs):
    scores, reference = np.array(pairs).T
    curve = fit_curve(scores, reference)
    mapped = curve.apply(np.linspace(0, 10, 101))
    assert np.all(np.diff(mapped) >= 0)
    assert 0 <= mapped[0] <= mapped[-1] <= 10


def test_a_map_finds_what_was_put_in():
    calibration = fit_calibration(make_pairs(3000), "j", "judge", "people")
    assert np.abs(calibration.sensibility.apply([0, 4, 10]) - [2, 4, 7]).max() < 0.2
    assert (calibration.judge_id, calibration.reference, calibration.n_turns) == ("j", "people", 3000)


def test_the_distance_is_measured_on_dialogues_that_the_map_has_not_seen():
    figures = measure_calibration(make_pairs())
    assert figures["sensibility"]["rmse_before"] > 1.5 > 0.6 > figures["sensibility"]["rmse_after"] > 0.4
    chance = np.random.default_rng(3).permutation(300)
    shuffled = make_pairs().with_columns(
        pl.Series("reference_sensibility", make_pairs()["reference_sensibility"][chance])
    )
    spread = float(np.std(shuffled["reference_sensibility"].to_numpy()))
    assert measure_calibration(shuffled)["sensibility"]["rmse_after"] > 0.95 * spread, "noise cannot be mapped"


def test_a_turn_that_stands_for_three_counts_as_three():
    pairs = make_pairs(120)
    heavy = pl.Series("weight", [3.0 if row % 4 else 1.0 for row in range(120)])
    repeated = pl.concat([pairs, *[pairs.filter(heavy > 1)] * 2])
    weighed, counted = (fit_calibration(one, "j", "a", "b") for one in (pairs.with_columns(heavy), repeated))
    grid = np.linspace(0, 10, 50)
    assert weighed.sensibility.apply(grid) == pytest.approx(counted.sensibility.apply(grid))
    assert weighed.rationality != fit_calibration(pairs, "j", "a", "b").rationality


def test_too_few_common_turns_are_refused_with_how_many_are_needed():
    with pytest.raises(UsageError, match="Only 49 turns") as caught:
        fit_calibration(make_pairs(49), "j", "judge", "people")
    assert "50" in caught.value.do


def test_what_was_written_is_read_back(tmp_path):
    calibration = fit_calibration(make_pairs(), "j", "judge", "people")
    write_calibration(calibration, tmp_path)
    assert read_calibration(tmp_path) == calibration


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((1, 1), (2, 3)), ((2, 1), (2, 3)), ((1, 2), (3, 2)), ((1, 2), (3,)), ((), ()), ((0, 11), (0, 1)),
        ((0,), (float("nan"),)),
    ],
)  # fmt: skip
def test_a_map_that_does_not_rise_or_leaves_the_scale_is_refused(x, y):
    with pytest.raises(ValidationError):
        Curve(x=x, y=y)
