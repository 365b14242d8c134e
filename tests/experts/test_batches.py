"""The order of rows: decided by content and seed, going round evenly, with little padding."""

import hashlib

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.experts import order_rows


def make_encoded(lengths: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "dialogue_id": [f"d{at}" for at in range(len(lengths))],
            "turn_key": [hashlib.sha256(str(at).encode()).hexdigest() for at in range(len(lengths))],
            "input_ids": [[1] * n for n in lengths],
        }
    )


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=80),
    n_steps=st.integers(1, 30),
    batch_size=st.integers(1, 16),
    seed=st.integers(0, 3),
)
def test_every_row_is_seen_as_often_as_every_other_give_or_take_one(
    lengths: list[int], n_steps: int, batch_size: int, seed: int
) -> None:
    rows = make_encoded(lengths)
    ordered = order_rows(rows, n_steps, batch_size, seed)
    assert len(ordered) == n_steps * batch_size
    times = ordered["turn_key"].value_counts()["count"]
    n_rounds = n_steps * batch_size // len(rows)
    assert set(times) <= {n_rounds, n_rounds + 1}
    assert ordered.equals(order_rows(rows.sample(fraction=1, shuffle=True, seed=1), n_steps, batch_size, seed))


def test_another_seed_gives_another_order() -> None:
    rows = make_encoded(list(range(1, 65)))
    assert not order_rows(rows, 8, 8, 0).equals(order_rows(rows, 8, 8, 1))


def test_batches_hold_rows_of_similar_length() -> None:
    rows = make_encoded([10 + at * 7919 % 90 for at in range(640)])
    ordered = order_rows(rows, 80, 8, 0)["input_ids"].list.len().to_list()
    batches = [ordered[at : at + 8] for at in range(0, len(ordered), 8)]
    padded = sum(8 * max(batch) for batch in batches)
    assert padded / sum(ordered) < 1.1  # 1.6 for batches drawn at random


def test_batches_do_not_come_sorted_by_length() -> None:
    ordered = order_rows(make_encoded(list(range(1, 129))), 16, 8, 0)["input_ids"].list.len().to_list()
    firsts = ordered[::8]
    assert firsts != sorted(firsts)
    assert firsts != sorted(firsts, reverse=True)
