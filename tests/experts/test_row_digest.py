"""The digest of rows: what they say counts, where and beside what they stand does not."""

from collections.abc import Callable

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tasks.experts import digest_rows
from tests.experts.conftest import build_rows

ROWS = build_rows(12)


@given(st.permutations(range(12)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    assert digest_rows(ROWS[order]) == digest_rows(ROWS)


def test_scores_reasons_and_the_subset_change_nothing() -> None:
    other = ROWS.with_columns(subset=pl.lit("discard"), rationality=pl.lit(9.0), reason=pl.lit("why"))
    assert digest_rows(other) == digest_rows(ROWS)


def test_whatever_is_learned_changes_it(make_rows: Callable[..., pl.DataFrame]) -> None:
    said = [{"role": "assistant", "content": "Oh  no."}]  # white space that a turn key folds
    changed = [
        make_rows(12),
        make_rows(11),
        make_rows(12, start=1),
        pl.concat([ROWS, ROWS.head(1)]),
        ROWS.with_columns(dialogue_id=pl.lit("another")),
        ROWS.with_columns(completion=pl.Series([said] * 12, dtype=ROWS.schema["completion"])),
    ]
    assert len({digest_rows(rows) for rows in changed}) == len(changed)
