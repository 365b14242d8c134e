"""What a manifest says of a selection: balance before and after, thresholds, what had no score or no deviation."""

import math

import pytest

from tasks.config import SelectionConfig
from tasks.selection import materialize
from tasks.selection.balance import evenness
from tasks.selection.card import CARD


def describe(scored, **config):
    ref = materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig(**config))
    return ref, scored.artifacts.read_manifest(ref.uri)["facts"]


@pytest.mark.parametrize(
    ("counts", "n_groups", "expected"),
    [
        ({"a": 5, "b": 5}, 2, 1.0), ({"a": 5}, 2, 0.0), ({"a": 5}, 1, 1.0), ({}, 3, None),
        ({"a": 3, "b": 1}, 2, -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(2)),
    ],
)  # fmt: skip
def test_evenness_is_the_entropy_over_that_of_an_even_spread(counts, n_groups, expected):
    assert evenness(counts, n_groups) == (None if expected is None else pytest.approx(expected, abs=1e-6))


def test_a_quota_makes_the_balance_better_and_both_are_told(make_scored, make_row):
    rows = [make_row(f"p{n}", f"proud {n}", (8.0, 3.0), emotion="proud") for n in range(6)]
    rows += [make_row(f"s{n}", f"sad {n}", (8.0, 3.0), emotion="sad") for n in range(2)]
    _, facts = describe(make_scored([*rows, make_row("x", "nobody asked", None)]), max_per_emotion=2)
    assert facts["balance"]["before"]["sensibility"]["emotion"] == pytest.approx(0.811278)
    assert facts["balance"]["after"]["sensibility"]["emotion"] == 1.0
    assert facts["emotions"]["sensibility"] == {"proud": 2, "sad": 2}
    assert facts["n_unscored"] == 1
    assert facts["thresholds"] == {"sensibility": 5.0, "rationality": 5.0}


def test_a_lower_bound_says_how_many_scores_have_no_deviation(make_scored, make_row):
    rows = [make_row("a", "x", (8.0, 3.0)), make_row("b", "y", (3.0, 8.0)), make_row("c", "z", "refusal")]
    _, facts = describe(make_scored(rows), rule="lower-bound")
    assert facts["n_without_sd"] == 2


def test_the_card_tells_the_rule_and_digests_and_no_emotion_breaks_its_table(make_scored, make_row):
    rows = [make_row("a", "x", (8.0, 3.0), emotion="so|sad\n---\n<b>")]
    scored = make_scored(rows)
    ref, facts = describe(scored, rule="top-k", top_k=1)
    card = (scored.artifacts.open(ref) / CARD).read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert card.count("\n---\n") == 1, "nothing in the data may end the head, or begin another"
    assert "so\\|sad --- &lt;b>" in card
    assert facts["digests"]["sensibility"] in card
    assert facts["rule"]["summary"] in card
