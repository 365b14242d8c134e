"""Folds keep dialogues whole."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.judges.folds import assign_folds


@given(st.lists(st.sampled_from([f"d{n}" for n in range(12)]), min_size=1), st.integers(2, 5))
def test_a_dialogue_stands_in_one_fold_whatever_the_order_of_the_rows(names: list[str], n_folds: int) -> None:
    fold_of: dict[str, int] = {}
    for name, fold in zip(names, assign_folds(names, n_folds).tolist(), strict=True):
        assert 0 <= fold < n_folds
        assert fold_of.setdefault(name, fold) == fold
    backwards = assign_folds(names[::-1], n_folds).tolist()
    assert backwards == [fold_of[name] for name in names[::-1]]


def test_folds_hold_equally_many_dialogues() -> None:
    folds = assign_folds([f"d{n}" for n in range(50)], 5).tolist()
    assert [folds.count(fold) for fold in range(5)] == [10] * 5
