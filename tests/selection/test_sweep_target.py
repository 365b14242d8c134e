"""The threshold that is found for a share, against every threshold there is."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.selection import materialize, preview, settle, verify_selection
from tasks.selection.target_share import find_threshold
from tasks.selection_config import as_recipe

LEVELS = st.dictionaries(
    st.one_of(st.integers(1, 10).map(float), st.floats(0, 10, exclude_min=True)), st.integers(1, 9), max_size=12
).map(lambda found: sorted(found.items()))


def share_above(levels, n_scored, threshold):
    return sum(n for score, n in levels if score > threshold) / n_scored


@given(LEVELS, st.integers(0, 40), st.integers(1, 99), st.floats(0, 10))
def test_no_threshold_comes_nearer_and_of_two_equally_near_the_higher_is_found(levels, n_others, percent, before):
    n_scored = max(sum(n for _, n in levels) + n_others, 1)
    target = percent / 100
    found = find_threshold(levels, n_scored, target, before)
    every = {0.0, 10.0, before, *(score for score, _ in levels)}
    every |= {(one + other) / 2 for one in every for other in every}
    shares = {threshold: share_above(levels, n_scored, threshold) for threshold in every}
    nearest = min(abs(share - target) for share in shares.values())
    reached = share_above(levels, n_scored, found.found.threshold)
    assert abs(reached - target) == pytest.approx(nearest, abs=1e-12)
    assert found.found.share == pytest.approx(reached, abs=1e-6)
    equally_near = [t for t, share in shares.items() if abs(abs(share - target) - nearest) < 1e-12]
    assert reached == pytest.approx(share_above(levels, n_scored, max(equally_near)), abs=1e-12)
    assert 0 <= found.found.threshold <= 10
    assert found.before.share == pytest.approx(share_above(levels, n_scored, before), abs=1e-6)
    if found.before.share == found.found.share:
        assert found.found.threshold == before
    smaller = [share for share in shares.values() if share < reached]
    larger = [share for share in shares.values() if share > reached]
    for near, expected in ((found.below, max(smaller, default=None)), (found.above, min(larger, default=None))):
        assert (near.share if near else None) == (None if expected is None else pytest.approx(expected, abs=1e-6))
        if near:
            assert share_above(levels, n_scored, near.threshold) == pytest.approx(near.share, abs=1e-6)


def test_a_found_threshold_is_the_shortest_number_between_two_scores():
    found = find_threshold([(5.0, 2), (6.123456, 3), (6.2, 3), (9.0, 2)], 10, 0.5, 5.0)
    assert (found.found.threshold, found.found.share) == (6.16, 0.5)
    assert found.reason == "sensibility threshold 5 -> 6.16: share 80.0% -> 50.0%, target 50.0%"
    assert find_threshold([(5.0, 2), (6.0, 8)], 10, 0.82, 5.3).reason == (
        "sensibility threshold stays 5.3: share 80.0%, target 82.0%"
    )


@pytest.fixture
def rows(make_row):
    """Turns with whole scores, some alike, whose responses have one to five words."""
    return [
        make_row(f"d{n}", f"text {n}", (float(n % 11), float(n * 7 % 11)), response=" ".join(["word"] * (n % 5 + 1)),
                 emotion=f"e{n % 3}")
        for n in range(77)
    ]  # fmt: skip


@pytest.mark.parametrize("axis", ["sensibility", "rationality"])
@pytest.mark.parametrize(
    "options",
    [
        {}, {"rule": "released"}, {"rule": "lower-bound", "k_sd": 2.0}, {"min_words": 2, "max_words": 4},
        {"max_per_emotion": 9, "max_per_length_band": 20}, {"rule": "released", "near_duplicates": 0.9},
    ],
)  # fmt: skip
def test_what_is_found_is_what_trying_every_threshold_finds(make_scored, rows, axis, options):
    scored = make_scored(rows)
    inputs = (scored.artifacts, scored.corpus, scored.scores)
    name = f"{axis}_threshold"
    every = [SelectionConfig(**{**options, name: half / 2}) for half in range(21)]
    shares = [counts.share(axis) for counts in preview(*inputs, every)]
    assert sorted(shares, reverse=True) == shares, "a higher threshold never keeps more"
    for target in (0.07, 0.2, 0.333):
        selection = SelectionConfig(**options, target_share=target, axis=axis)
        ((settled, found),) = settle(*inputs, [selection])
        assert preview(*inputs, [selection])[0] == preview(*inputs, [settled])[0]
        reached = preview(*inputs, [settled])[0].share(axis)
        assert abs(reached - target) == pytest.approx(min(abs(share - target) for share in shares), abs=1e-12)
        assert found.found.share == pytest.approx(reached, abs=1e-6)
        assert settle(*inputs, [settled])[0][0] == settled, "found once, it stays"


def test_the_artifact_is_of_the_threshold_that_was_found_and_says_why(make_scored, rows, caplog):
    scored = make_scored(rows)
    selection = SelectionConfig(target_share=0.2, sensibility_threshold=2.0)
    with caplog.at_level(logging.INFO, "empathy.progress"):
        ref = materialize(scored.artifacts, scored.corpus, scored.scores, selection)
    manifest = scored.artifacts.read_manifest(ref.uri)
    target = manifest["facts"]["target"]
    assert manifest["config"]["sensibility_threshold"] == target["found"]["threshold"] != 2.0
    assert (manifest["config"]["rationality_threshold"], manifest["config"]["target_share"]) == (5.0, 0.2)
    assert target["found"]["share"] == manifest["facts"]["shares"]["sensibility"]
    assert target["reason"].startswith("sensibility threshold 2 -> ")
    assert [record.notice for record in caplog.records if hasattr(record, "notice")] == [target["reason"]]
    assert not verify_selection(scored.artifacts, ref.config_digest).differences
    again = SelectionConfig(target_share=0.2, sensibility_threshold=target["found"]["threshold"])
    assert materialize(scored.artifacts, scored.corpus, scored.scores, again) == ref


def test_a_share_that_a_saturated_judge_cannot_give_is_warned_of(make_scored, make_row, caplog):
    rows = [make_row(f"d{n}", f"text {n}", (8.0 if n < 9 else 2.0, 1.0)) for n in range(10)]
    scored = make_scored(rows)
    with caplog.at_level(logging.INFO, "empathy.progress"):
        ref = materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig(target_share=0.6))
    target = scored.artifacts.read_manifest(ref.uri)["facts"]["target"]
    assert (target["found"]["share"], target["is_far"]) == (0.9, True)
    (warning,) = [record.warning for record in caplog.records if hasattr(record, "warning")]
    assert "60.0% cannot be reached" in warning
    assert "2 values" in warning
    assert "next: 0.0% (threshold 9), 100.0% (threshold 1)" in warning


def test_without_a_scored_turn_there_is_no_threshold_to_find(make_scored, make_row):
    scored = make_scored([make_row("d1", "text", None), make_row("d2", "other", "refused")])
    with pytest.raises(UsageError, match="no threshold to find"):
        settle(scored.artifacts, scored.corpus, scored.scores, [SelectionConfig(target_share=0.5)])


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_share": 0}, {"target_share": 1}, {"target_share": float("nan")}, {"target_share": -1},
        {"rule": "quantile", "keep": 0.5, "target_share": 0.5}, {"axis": "sensibility"},
        {"rule": "released", "axis": "rationality"}, {"rule": "top-k", "top_k": 3, "target_share": 0.5},
    ],
)  # fmt: skip
def test_a_target_share_belongs_to_rules_with_thresholds_and_lies_between_0_and_1(wrong):
    with pytest.raises(ValidationError):
        SelectionConfig(**wrong)


def test_a_selection_without_a_target_share_has_the_recipe_it_had():
    assert "target_share" not in as_recipe(SelectionConfig(), "train")
