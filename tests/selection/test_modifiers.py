"""Filters before the rule and quotas after it: what they take away, why, and that row order does not matter."""

import random

import polars as pl
import pytest

from tasks.config import SelectionConfig
from tasks.selection import EXCLUDED, SUBSETS, materialize

MANY = "I walked all the way home in the rain today because the bus never came and nobody would stop for me"


@pytest.fixture
def select(make_scored):
    """Select from rows and return (manifest facts, row of each dialogue)."""

    def run(rows, **config):
        scored = make_scored(rows)
        ref = materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig(**config))
        folder = scored.artifacts.open(ref)
        frames = [pl.read_parquet(folder / f"{name}.parquet", glob=False) for name in (*SUBSETS, EXCLUDED)]
        found = {row["dialogue_id"]: row for frame in frames for row in frame.iter_rows(named=True)}
        return scored.artifacts.read_manifest(ref.uri)["facts"], found

    return run


def test_responses_that_are_too_short_or_too_long_are_discarded_with_the_bound_they_break(select, make_row):
    rows = [make_row(f"d{n}", f"text {n}", (8.0, 3.0), response=" ".join(["word"] * n)) for n in (1, 2, 4, 5)]
    _, found = select(rows, min_words=2, max_words=4)
    assert {name: (row["subset"], row["reason"]) for name, row in found.items()} == {
        "d1": ("discard", "modifier: fewer than 2 words"),
        "d2": ("sensibility", "S > threshold and R < threshold"),
        "d4": ("sensibility", "S > threshold and R < threshold"),
        "d5": ("discard", "modifier: more than 4 words"),
    }


def test_of_turns_that_say_almost_the_same_the_one_with_the_smaller_hash_stays(select, make_row):
    rows = [make_row(f"d{n}", f"{MANY} {word}", (8.0, 3.0)) for n, word in enumerate(("once", "twice", "thrice"))]
    rows.append(make_row("other", "A letter came from my sister", (8.0, 3.0)))
    smallest = min(rows[:3], key=lambda row: row.turn_key).dialogue_id
    for _ in range(3):
        random.shuffle(rows)
        facts, found = select(rows, near_duplicates=0.75)
        kept = {name for name, row in found.items() if row["subset"] == "sensibility"}
        assert kept == {smallest, "other"}
        assert facts["reasons"]["discard: modifier: near-duplicate"] == 2


def test_a_turn_that_another_filter_removes_takes_no_near_duplicate_with_it(select, make_row):
    rows = [make_row("long", MANY, (8.0, 3.0), response="Oh no."), make_row("short", MANY, (8.0, 3.0), response="Oh")]
    rows.sort(key=lambda row: row.turn_key)
    first, second = rows[0].response.count(" ") + 1, rows[1].response.count(" ") + 1
    bounds = {"max_words": 1} if first > second else {"min_words": 2}
    _, found = select(rows, near_duplicates=0.5, **bounds)
    assert found[rows[1].dialogue_id]["subset"] == "sensibility"


def test_a_quota_keeps_the_best_of_each_emotion_and_ties_go_by_hash(select, make_row):
    rows = [make_row(f"d{n}", f"text {n}", (6.0 + n % 3, 3.0), emotion="proud") for n in range(9)]
    rows += [make_row("calm", "still", (5.5, 3.0), emotion="calm"), make_row("wise", "why", (3.0, 9.0))]
    facts, found = select(rows, max_per_emotion=4)
    kept = {name for name, row in found.items() if row["subset"] == "sensibility"}
    sevens = sorted((row for row in rows[:9] if row.scores[0] == 7), key=lambda row: row.turn_key)
    assert kept == {"d2", "d5", "d8", sevens[0].dialogue_id, "calm"}
    assert found["wise"]["subset"] == "rationality", "a quota counts each subset by itself"
    assert facts["reasons"]["discard: modifier: over 4 of one emotion"] == 5


def test_quotas_of_place_and_length_count_what_the_one_before_left(select, make_row):
    rows = [
        make_row(f"d{n}", f"text {n}", (8.0, 3.0), utterance_idx=2 + 2 * (n % 2), response="word " * (n % 4) + "end")
        for n in range(12)
    ]
    facts, found = select(rows, max_per_position=3, max_per_length_band=5)
    kept = [row for row in found.values() if row["subset"] == "sensibility"]
    assert len(kept) == 5
    assert {row["utterance_idx"] for row in kept} == {2, 4}
    assert facts["reasons"]["discard: modifier: over 3 of one place in the dialogue"] == 6
    assert facts["reasons"]["discard: modifier: over 5 of one band of lengths"] == 1


def test_a_rule_that_ranks_takes_its_share_of_what_the_filters_leave(select, make_row):
    rows = [make_row(f"d{n}", f"text {n}", (n / 2, 3.0), response=" ".join(["w"] * (1 + n % 2))) for n in range(20)]
    facts, found = select(rows, rule="quantile", keep=0.5, min_words=2)
    assert facts["counts"]["sensibility"] == 5
    assert all(
        len(row["completion"][0]["content"].split()) == 2 for row in found.values() if row["subset"] != "discard"
    )


def test_every_modifier_together_and_the_rows_in_another_order_give_the_same_turns(select, make_row):
    rows = [
        make_row(f"d{n}", f"{MANY} {n % 7} {n}", (float(n * 7 % 11), float(n * 3 % 11)), emotion=f"e{n % 3}",
                 response=" ".join(["w"] * (1 + n % 9)), utterance_idx=2 + 2 * (n % 2)) for n in range(60)
    ]  # fmt: skip
    modifiers = {
        "min_words": 2, "max_words": 8, "near_duplicates": 0.8, "max_per_emotion": 4, "max_per_position": 5,
        "max_per_length_band": 3,
    }  # fmt: skip
    _, first = select(rows, **modifiers)
    _, second = select(random.Random(3).sample(rows, len(rows)), **modifiers)
    assert first == second
    assert len({row["reason"] for row in first.values() if row["reason"].startswith("modifier")}) >= 4
