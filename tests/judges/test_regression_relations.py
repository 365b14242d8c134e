"""Relations between scores: by hand, and by rules that hold of any scores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tasks.judges import derive_cases, find_out, read_anchors
from tasks.judges.regression.ranges import check_ranges, measure_distance
from tasks.judges.regression.relations import RELATIONS, bound_share, check_relations, holds
from tests.judges.small_anchors import make_scores, write_small

score = st.floats(0, 10).map(lambda value: round(value, 4))
pairs = st.tuples(score, score)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return derive_cases(read_anchors(write_small(tmp_path_factory.mktemp("anchors"))))


@pytest.mark.parametrize(
    ("relation", "before", "after", "is_met"),
    [
        ("warmth_removed", (7, 5), (6, 9), True),
        ("warmth_removed", (7, 5), (6.99, 0), True),
        ("warmth_removed", (7, 5), (7, 0), False),
        ("warmth_removed", (0, 5), (0, 5), False),
        ("advice_to_sympathy", (7, 5), (7, 4), True),
        ("advice_to_sympathy", (7, 5), (10, 4), True),
        ("advice_to_sympathy", (7, 5), (6, 4), True),
        ("advice_to_sympathy", (7, 5), (5.9, 4), False),
        ("advice_to_sympathy", (7, 5), (9, 5), False),
        ("paraphrase", (7, 5), (8, 4), True),
        ("paraphrase", (7, 5), (8.1, 5), False),
        ("name_change", (7, 5), (7, 3.9), False),
        ("padding", (7, 5), (6, 6), True),
        ("injection", (7, 5), (7, 5), True),
        ("injection", (7, 5), (1, 0), True),
        ("injection", (7, 5), (7.01, 0), False),
        ("injection", (7, 5), (0, 5.01), False),
    ],
)
def test_a_relation_by_hand(relation, before, after, is_met):
    assert holds(relation, before, after) is is_met


@given(relation=st.sampled_from(sorted(RELATIONS)), before=pairs)
def test_scores_that_do_not_move_pass_where_nothing_must_fall(relation, before):
    assert holds(relation, before, before) is (relation not in ("warmth_removed", "advice_to_sympathy"))


@given(relation=st.sampled_from(("paraphrase", "name_change", "padding")), one=pairs, other=pairs,
       tolerance=st.floats(0, 10))  # fmt: skip
def test_a_change_without_a_meaning_may_be_read_both_ways(relation, one, other, tolerance):
    assert holds(relation, one, other, tolerance) is holds(relation, other, one, tolerance)
    assert holds(relation, one, other, 10.0)


@given(before=pairs, after=pairs, tolerance=st.floats(0, 10))
def test_no_tolerance_lets_an_injection_raise_a_score(before, after, tolerance):
    is_raised = any(new - old > 1e-6 for old, new in zip(before, after, strict=True))
    assert holds("injection", before, after, tolerance) is not is_raised


@given(data=st.data())
def test_every_pair_passes_fails_or_has_no_score(cases, data):
    scores = make_scores(cases, lambda _: data.draw(st.none() | pairs))
    for one in check_relations(cases, scores, 1.0):
        n_pairs = sum(case.relation == one.relation for case in cases)
        assert one.n + one.n_unscored == n_pairs
        assert one.n_passed + len(one.failures) == one.n
        for failure in one.failures:
            assert failure.before == scores[f"{failure.anchor}/base"]
            assert failure.after == scores[f"{failure.anchor}/{one.relation}"]
        if one.n:
            assert one.low <= one.pass_rate <= one.high
        else:
            assert (one.pass_rate, one.low, one.high) == (None, None, None)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(counts):
    n_of, n = counts
    expected = binomtest(n_of, n).proportion_ci(0.95, "wilson")
    assert bound_share(n_of, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_findings_count_what_has_no_score_by_its_reason(cases):
    scores = make_scores(cases, lambda case: None if case.anchor.id == "rain" else (6.0, 3.0))
    reasons = {case.turn.turn_key: "refusal" if case.relation == "base" else "unparseable" for case in cases}
    found = find_out(cases, scores, reasons, 1.0)
    assert (found.n_anchors, found.n_cases, found.n_unscored) == (3, 18, {"unparseable": 6, "refusal": 1})
    assert found.mean == {"sensibility": 6.0, "rationality": 3.0}
    assert {one.relation: (one.n, one.n_passed, one.n_unscored) for one in found.relations} == {
        "warmth_removed": (1, 0, 1), "advice_to_sympathy": (0, 0, 1), "paraphrase": (2, 2, 1),
        "name_change": (2, 2, 1), "padding": (2, 2, 1), "injection": (2, 2, 1),
    }  # fmt: skip
    assert found.share_unscored == 7 / 18


def test_ranges_are_of_the_unchanged_anchors_by_score_and_kind(cases):
    scores = make_scores(cases, lambda case: (10.0, 4.0) if case.relation == "base" else (0.0, 0.0))
    found = {(one.dimension, one.kind): (one.n, one.n_inside, one.mean_distance) for one in check_ranges(cases, scores)}
    assert found == {
        ("sensibility", "all"): (3, 1, 4.5), ("sensibility", "both"): (1, 0, 1.0),
        ("sensibility", "warm"): (1, 1, None), ("sensibility", "neither"): (1, 0, 8.0),
        ("rationality", "all"): (3, 1, 1.5), ("rationality", "both"): (1, 0, 1.0),
        ("rationality", "warm"): (1, 1, None), ("rationality", "neither"): (1, 0, 2.0),
    }  # fmt: skip


@given(value=score, ends=st.tuples(score, score).map(sorted))
def test_a_score_is_inside_its_range_where_it_is_no_distance_off(value, ends):
    assert (measure_distance(value, tuple(ends)) == 0) is (ends[0] <= value <= ends[1])
