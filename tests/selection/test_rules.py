"""The rules as SQL against the same rules as plain Python, for any scores and thresholds, ties among them."""

import hashlib
from typing import get_args

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import SelectionConfig
from tasks.selection import RULES, Rule, SubsetCounts
from tasks.selection.calibrating import define_calibration
from tasks.selection.decide import decide
from tasks.selection_config import OPTIONS, RuleName


def released(s, r, ts, tr):
    if s > ts and r < tr:
        return "sensibility"
    return "rationality" if r > tr and s < ts else "discard"


def paper(s, r, ts, tr):
    if s > ts and r < tr:
        return "sensibility"
    return "rationality" if r > tr else "discard"


REFERENCE = {"paper": paper, "released": released}
RANKING = {"quantile", "top-k"}
AXES = ("sensibility", "rationality")
SCORES = st.one_of(
    st.integers(0, 10).map(float), st.floats(0, 10), st.sampled_from([5.0, 4.999999999999999, 0.0, 10.0])
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        define_calibration(opened, None)
        yield opened


def decide_all(connection, rule, pairs, ts=5, tr=5, excluded=None, sds=None, **options):
    """Decide on pairs of scores; return the counts and (subset, reason) of each."""
    n = len(pairs)
    frame = pl.DataFrame(
        {
            "source": [1] * n, "row": range(n), "dialogue_id": [f"d{i}" for i in range(n)], "utterance_idx": range(n),
            "turn_key": [hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)], "split": ["train"] * n,
            "emotion": ["proud"] * n, "n_words": [10] * n, "sensibility": [s for s, _ in pairs],
            "rationality": [r for _, r in pairs], "sensibility_sd": sds or [None] * n,
            "rationality_sd": sds or [None] * n, "excluded_because": excluded or [None] * n,
        },
        schema_overrides={
            **dict.fromkeys(("sensibility", "rationality", "sensibility_sd", "rationality_sd"), pl.Float64),
            **dict.fromkeys(("source", "row", "utterance_idx", "n_words"), pl.Int64),
            **dict.fromkeys(("dialogue_id", "turn_key", "split", "emotion", "excluded_because"), pl.String),
        },
    )  # fmt: skip
    connection.register("rows", frame.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE candidates AS SELECT * FROM rows")
    connection.unregister("rows")
    config = SelectionConfig(rule=rule, sensibility_threshold=ts, rationality_threshold=tr, **options)
    counts = decide(connection, config)
    return counts, connection.execute("SELECT subset, reason FROM decisions ORDER BY row").fetchall()


def holds(reason, s, r, ts, tr):
    """Say whether the inequality that a reason names is true."""
    if reason == "S or R = threshold":
        return s == ts or r == tr
    signs = {">": lambda a, b: a > b, "<": lambda a, b: a < b, "=": lambda a, b: a == b, "<=": lambda a, b: a <= b}
    for part in reason.split(" and "):
        letter, sign, word = part.split(" ")
        assert word == "threshold"
        if not signs[sign](*((s, ts) if letter == "S" else (r, tr))):
            return False
    return True


@pytest.mark.parametrize("rule", REFERENCE)
@given(pairs=st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=30), ts=SCORES, tr=SCORES)
def test_the_sql_of_a_rule_is_the_rule_of_the_method_and_its_reasons_are_true(connection, rule, pairs, ts, tr):
    pairs = [*pairs, (ts, tr), (ts, 0.0), (10.0, tr)]
    counts, decided = decide_all(connection, rule, pairs, ts, tr)
    assert [subset for subset, _ in decided] == [REFERENCE[rule](s, r, ts, tr) for s, r in pairs]
    assert all(holds(reason, s, r, ts, tr) for (_, reason), (s, r) in zip(decided, pairs, strict=True))
    assert counts.n_scored == len(pairs)
    assert sum(counts.reasons.values()) == len(pairs)


@pytest.mark.parametrize("rule", REFERENCE)
def test_what_is_excluded_is_never_selected_whatever_its_scores(connection, rule):
    pairs, why = (
        [(9.0, 1.0), (1.0, 9.0), (None, None)],
        ["its text stands in the test split", None, "unscored: refusal"],
    )
    counts, decided = decide_all(connection, rule, pairs, 5, 5, why)
    assert decided == [("excluded", why[0]), ("rationality", decided[1][1]), ("excluded", why[2])]
    assert (counts.excluded, counts.n_scored) == (2, 1)


@pytest.mark.parametrize("rule", REFERENCE)
def test_nothing_at_all_is_no_error(connection, rule):
    counts, decided = decide_all(connection, rule, [], 5, 5)
    assert (decided, counts) == ([], SubsetCounts())
    assert counts.share("sensibility") == 0


@pytest.mark.parametrize("threshold", [0.1 + 0.2, 1e-300, 5e-324, 9.999999999999998, -0.0])
def test_a_threshold_reaches_the_rule_to_its_last_bit(connection, threshold):
    _, decided = decide_all(connection, "paper", [(10.0, threshold), (10.0, 0.0)], 1, threshold)
    assert decided[0] == ("discard", "R = threshold")


@given(pairs=st.lists(st.tuples(SCORES, SCORES), max_size=30), keep=st.floats(0.01, 1), axis=st.sampled_from(AXES))
def test_a_quantile_keeps_exactly_its_share_and_only_the_best(connection, pairs, keep, axis):
    counts, decided = decide_all(connection, "quantile", pairs, keep=keep, axis=axis)
    n = len(pairs)
    n_first = round(keep * n)
    own, other = (0, 1) if axis == "sensibility" else (1, 0)
    assert getattr(counts, axis) == n_first
    assert getattr(counts, AXES[other]) == round(keep * (n - n_first))
    best_on(axis, own, pairs, decided, over=set(AXES) | {"discard"})
    best_on(AXES[other], other, pairs, decided, over={"discard"})


def best_on(subset, axis, pairs, decided, over):
    """Assert that nobody in `over` has a better score on the axis than the worst in the subset."""
    inside = [pair[axis] for pair, (name, _) in zip(pairs, decided, strict=True) if name == subset]
    outside = [pair[axis] for pair, (name, _) in zip(pairs, decided, strict=True) if name in over - {subset}]
    assert not inside or not outside or min(inside) >= max(outside)


def test_ties_go_by_what_a_turn_says_and_not_by_where_its_row_stands(connection):
    pairs = [(8.0, 4.0)] * 20
    _, decided = decide_all(connection, "quantile", pairs, keep=0.3)
    keys = sorted(range(20), key=lambda i: hashlib.sha256(str(i).encode()).hexdigest())
    assert {i for i, (subset, _) in enumerate(decided) if subset == "sensibility"} == set(keys[:6])
    assert decided[keys[0]][1] == "S among the best 6 of 20"
    assert decided[keys[6]][1] == "R among the best 4 of the other 14"


@pytest.mark.parametrize(("top_k", "sizes"), [(2, (2, 2, 3)), (5, (5, 2, 0)), (100, (7, 0, 0))])
def test_top_k_takes_as_many_as_there_are(connection, top_k, sizes):
    pairs = [(float(i), 10.0 - i) for i in range(7)]
    counts, decided = decide_all(connection, "top-k", pairs, top_k=top_k)
    assert (counts.sensibility, counts.rationality, counts.discard) == sizes
    assert decided[6][0] == "sensibility"


@pytest.mark.parametrize("rule", sorted(RANKING))
def test_a_rule_that_ranks_never_takes_what_cannot_be_selected(connection, rule):
    pairs, why = (
        [(9.0, 1.0), (None, None), (3.0, 3.0)],
        ["its text stands in the test split", "unscored: refusal", None],
    )
    option = {"keep": 1.0} if rule == "quantile" else {"top_k": 3}
    counts, decided = decide_all(connection, rule, pairs, excluded=why, **option)
    assert [subset for subset, _ in decided] == ["excluded", "excluded", "sensibility"]
    assert (counts.sensibility, counts.excluded) == (1, 2)


@given(pairs=st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=10), k=st.floats(0, 10), sd=st.floats(0, 3))
def test_a_lower_bound_is_the_paper_rule_on_what_the_judge_is_sure_of(connection, pairs, k, sd):
    sds = [sd if i % 2 else None for i in range(len(pairs))]
    _, decided = decide_all(connection, "lower-bound", pairs, sds=sds, k_sd=k)
    lower = [(s - k * (d or 0), r - k * (d or 0)) for (s, r), d in zip(pairs, sds, strict=True)]
    assert [subset for subset, _ in decided] == [paper(s, r, 5, 5) for s, r in lower]
    assert all("k sd" in reason for _, reason in decided)


def test_every_rule_of_the_configuration_exists_and_says_what_it_does():
    assert set(RULES) == set(REFERENCE) | RANKING | {"lower-bound"} == set(OPTIONS) == set(get_args(RuleName))
    for name, rule in RULES.items():
        assert isinstance(rule, Rule)
        assert rule.name == name
        assert rule.summary.endswith(".")
