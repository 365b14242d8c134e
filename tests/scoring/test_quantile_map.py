"""The map from predictions to the teacher's scale."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.scoring import fit_quantile_map

PAIRS = st.lists(
    st.tuples(st.floats(-1, 2, width=32), st.integers(0, 10)), min_size=1, max_size=200, unique_by=lambda pair: pair[0]
)


@given(PAIRS, st.lists(st.floats(-5, 5), min_size=2))
def test_a_higher_prediction_never_gets_a_lower_score(pairs: list[tuple[float, int]], tried: list[float]) -> None:
    predictions, teacher = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    fitted = fit_quantile_map(predictions, teacher)
    scores = fitted.values[fitted.find_steps(np.sort(np.array(tried)))]
    assert (np.diff(scores) >= 0).all()
    assert set(scores.tolist()) <= set(teacher.tolist())


def test_mapped_scores_have_the_teachers_distribution_and_the_predictions_order() -> None:
    draw = np.random.default_rng(0)
    teacher = draw.choice([2.0, 3.0, 7.0, 8.0, 9.0], 1000, p=[0.1, 0.1, 0.2, 0.5, 0.1])
    predictions = 0.5 + 0.01 * teacher + draw.normal(0, 0.02, 1000)
    fitted = fit_quantile_map(predictions, teacher)
    mapped = fitted.values[fitted.find_steps(predictions)]
    assert np.sort(mapped).tolist() == np.sort(teacher).tolist()


def test_deviations_are_the_errors_of_each_step_held_to_the_overall_error() -> None:
    predictions = np.concatenate([np.linspace(0, 0.4, 5000), np.linspace(0.6, 1, 5000)])
    teacher = np.concatenate([np.full(5000, 2.0), np.tile([4.0, 8.0], 2500)])
    fitted = fit_quantile_map(predictions, teacher)
    assert fitted.values.tolist() == [2, 4, 8]
    assert fitted.deviations[0] < 0.5  # the low step is always right; 20 turns' worth of the overall error remain
    assert np.allclose(fitted.deviations[1:], 8**0.5, atol=0.1)


def test_a_teacher_of_fractions_gets_a_step_a_percent() -> None:
    teacher = np.random.default_rng(0).uniform(0, 10, 5000)
    fitted = fit_quantile_map(teacher / 10, teacher)
    assert len(fitted.values) == 101
    mapped = fitted.values[fitted.find_steps(teacher / 10)]
    assert np.abs(mapped - teacher).max() < 0.2


def test_a_teacher_of_one_score_gives_that_score() -> None:
    fitted = fit_quantile_map(np.array([0.1, 0.2]), np.array([8.0, 8.0]))
    assert fitted.values[fitted.find_steps(np.array([-1.0, 5.0]))].tolist() == [8, 8]
