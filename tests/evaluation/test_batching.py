"""Batches of like lengths that keep within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.batching import plan_batches


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 8), st.integers(1, 200))
def test_every_row_that_holds_something_is_in_one_batch_within_the_bounds(lengths, max_rows, max_cells):
    batches = plan_batches(lengths, max_rows, max_cells)
    assert sorted(row for batch in batches for row in batch) == [row for row, n in enumerate(lengths) if n]
    for batch in batches:
        assert len(batch) <= max_rows
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= max_cells


def test_the_longest_rows_come_first_and_equal_ones_in_order():
    assert plan_batches([2, 9, 2, 5, 9], 2, 1000) == [[1, 4], [3, 0], [2]]
