"""Paired tests between systems: by hand, by symmetry, and on the turns that both have."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import EvaluationConfig
from tasks.evaluation import (
    COMPARISONS,
    PairedDifference,
    compare_pairs,
    list_missing_controls,
    list_partners,
    paired,
    summarise,
)
from tasks.evaluation.compare import RESPONSES_SCHEMA
from tasks.evaluation.paired import MeasuredSystem, adjust_holm
from tasks.evaluation.summary import measure_likelihoods

CONFIG = EvaluationConfig(bootstrap=200)
WORDS = ("I", "see", "that", "hurts", "you", "are", "brave", "oh")


def make_responses(system: str, nll: list[float], said: list[str | None] | None = None) -> pl.DataFrame:
    """Two turns a dialogue, four tokens a turn."""
    n = len(nll)
    return pl.DataFrame(
        {
            "system": [system] * n,
            "dialogue_id": [f"d{at // 2}" for at in range(n)],
            "utterance_idx": [2 + 2 * (at % 2) for at in range(n)],
            "turn_key": [f"k{(at * 7) % 100}" for at in range(n)],
            "prompt": [[{"role": "user", "content": "Hi"}]] * n,
            "reference": [f"I see {WORDS[at % 8]}" for at in range(n)],
            "response": said or [None] * n,
            "nll": nll,
            "n_tokens": [4] * n,
        },
        schema=RESPONSES_SCHEMA,
    )


def compare_pair(a: pl.DataFrame, b: pl.DataFrame) -> dict[str, PairedDifference]:
    return paired.compare_pair(MeasuredSystem(a), MeasuredSystem(b), CONFIG)


def compare_alike_dialogues(n_dialogues: int) -> dict[str, Any]:
    """Return the test of two systems of which every dialogue says the same: each draw is the data itself."""
    rows = pl.concat(
        [make_responses(name, [first, 8.0] * n_dialogues) for name, first in (("mixture", 4.0), ("union", 8.0))]
    )
    (row,) = compare_pairs(rows, CONFIG).iter_rows(named=True)
    return row


def test_a_pair_by_hand():
    row = compare_alike_dialogues(10)
    difference = np.exp(12 / 8) - np.exp(16 / 8)
    assert (row["a"], row["b"], row["metric"], row["n"]) == ("mixture", "union", "perplexity", 20)
    assert [row[name] for name in ("difference", "low", "high")] == pytest.approx([difference] * 3)
    assert row["p_value"] == row["p_adjusted"] == pytest.approx(2 / 201)


def test_few_dialogues_are_not_tested_and_one_alone_has_no_interval():
    nine, one = compare_alike_dialogues(9), compare_alike_dialogues(1)
    assert [nine["p_value"], nine["p_adjusted"], one["p_value"], one["p_adjusted"]] == [None] * 4
    assert [nine["low"], nine["high"]] == pytest.approx([nine["difference"]] * 2)
    assert (one["low"], one["high"], one["n"]) == (None, None, 2)
    assert one["difference"] == pytest.approx(nine["difference"])


def test_every_pair_that_is_there_is_tested_on_every_metric():
    said = [f"{WORDS[at % 8]} {WORDS[at % 5]}" for at in range(12)]
    rows = pl.concat([make_responses(name, [3.0] * 12, said) for name in ("base", "sensibility", "full", "prompted")])
    found = compare_pairs(rows, CONFIG)
    assert found.select("a", "b").unique(maintain_order=True).rows() == [
        ("sensibility", "full"), ("sensibility", "base"), ("prompted", "base")
    ]  # fmt: skip
    assert len(found) == 3 * summarise(rows, CONFIG)["metric"].n_unique()
    assert found.columns == ["a", "b", "metric", "difference", "low", "high", "p_value", "p_adjusted", "n"]


def test_the_value_differences_are_those_of_the_table():
    said = [f"{WORDS[at % 8]} see {WORDS[(at * 3) % 7]}" for at in range(12)]
    rows = pl.concat(
        [make_responses("sensibility", [3.0] * 12, said), make_responses("base", [3.5] * 12, said[3:] + said[:3])]
    )
    values = {(row["system"], row["metric"]): row["value"] for row in summarise(rows, CONFIG).iter_rows(named=True)}
    for row in compare_pairs(rows, CONFIG).iter_rows(named=True):
        expected = values["sensibility", row["metric"]] - values["base", row["metric"]]
        assert row["difference"] == pytest.approx(expected, abs=1e-9), row["metric"]


def test_a_system_is_measured_once_on_all_its_turns_and_again_where_a_rival_has_fewer(monkeypatch):
    sizes = []
    kinds = [(pl.col("n_tokens") > 0, lambda rows: sizes.append(len(rows)) or measure_likelihoods(rows))]
    monkeypatch.setattr(paired, "list_measurements", lambda _: kinds)
    names = ("mixture", "union", "sensibility", "rationality")
    rows = pl.concat([*(make_responses(name, [3.0] * 20) for name in names), make_responses("base", [3.0] * 6)])
    assert len(compare_pairs(rows, CONFIG)) == 6
    assert sorted(sizes) == [6] * 4 + [20] * 4, "four on all turns, base on its own, three beside base"


def test_one_system_alone_has_nothing_to_be_compared_with():
    found = compare_pairs(make_responses("base", [1.0, 2.0]), CONFIG)
    assert found.is_empty()
    assert "p_adjusted" in found.columns


def test_turns_that_only_one_system_has_are_left_out():
    whole = make_responses("mixture", [4.0, 8.0, 4.0, 1.0], ["oh", "I see", "you", None])
    part = make_responses("union", [8.0, 8.0, 4.0, 1.0], ["oh", None, "see", None])[[3, 0, 1]]
    found = compare_pair(whole, part)
    assert (found["perplexity"].n, found["f1"].n) == (3, 1)
    assert found["perplexity"].difference == pytest.approx(np.exp(13 / 12) - np.exp(17 / 12))


def test_a_perplexity_beyond_all_numbers_is_no_finding():
    rows = pl.concat([make_responses(name, [1e6] * 20) for name in ("mixture", "union")])
    with np.errstate(over="ignore", invalid="ignore"):
        (row,) = compare_pairs(rows, CONFIG).iter_rows(named=True)
    assert (row["p_value"], row["p_adjusted"]) == (1, 1)


LIKELIHOODS = st.lists(st.floats(0.1, 20), min_size=20, max_size=20)
SAID = st.lists(st.text("abc ", max_size=12), min_size=20, max_size=20)


@given(LIKELIHOODS, LIKELIHOODS, SAID, SAID)
def test_systems_that_change_places_negate_the_difference(
    nll_a: list[float], nll_b: list[float], said_a: list[str], said_b: list[str]
) -> None:
    a, b = make_responses("a", nll_a, said_a), make_responses("b", nll_b, said_b)
    there, back = compare_pair(a, b), compare_pair(b, a)
    for name, one in there.items():
        other = back[name]
        assert (one.difference, one.p_value, one.n) == (-other.difference, other.p_value, other.n)
        assert [one.low, one.high] == pytest.approx([-other.high, -other.low], rel=1e-9, abs=1e-9)


@given(LIKELIHOODS, SAID)
def test_a_system_does_not_differ_from_its_twin(nll: list[float], said: list[str]) -> None:
    found = compare_pair(make_responses("a", nll, said), make_responses("b", nll, said))
    assert len(found) > 5
    assert {(one.difference, one.low, one.high, one.p_value) for one in found.values()} == {(0, 0, 0, 1)}


def test_holm_by_hand():
    assert adjust_holm(pl.Series([0.01, 0.04, 0.03, 0.005])).to_list() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_what_was_not_tested_has_no_part_in_holm():
    values = pl.Series([0.01, None, 0.03], dtype=pl.Float64)
    assert adjust_holm(values).to_list() == [pytest.approx(0.02), None, pytest.approx(0.03)]
    assert adjust_holm(pl.Series([None, None], dtype=pl.Float64)).to_list() == [None, None]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_never_below_the_p_value_nor_above_bonferroni(p_values: list[float]) -> None:
    adjusted = adjust_holm(pl.Series(p_values)).to_list()
    for before, after in zip(p_values, adjusted, strict=True):
        assert before <= after <= min(1, before * len(p_values))


def test_each_metric_is_a_family_of_its_own():
    said = [f"{WORDS[at % 8]} {WORDS[at % 5]}" for at in range(20)]
    names = ("base", "sensibility", "prompted")
    rows = pl.concat([make_responses(name, [3.0 + at] * 20, said) for at, name in enumerate(names)])
    (perplexity,) = compare_pairs(rows, CONFIG).filter(pl.col("metric") == "perplexity").partition_by("metric")
    assert perplexity["p_adjusted"].to_list() == pytest.approx([2 * 2 / 201] * 2)


def test_what_a_system_must_be_compared_with():
    assert list_partners(("mixture",)) == ("union", "sensibility", "rationality", "base")
    assert list_partners(("mixture", "union", "base")) == ("sensibility", "rationality")
    assert list_partners(("base", "full")) == ()
    assert list_missing_controls(("mixture", "sensibility", "base")) == ("union", "full", "random", "length-matched")
    assert len(set(COMPARISONS)) == len(COMPARISONS)
