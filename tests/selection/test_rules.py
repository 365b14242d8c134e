"""The rules as SQL against the same rules as plain Python, for any scores and thresholds, ties among them."""

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import SelectionConfig
from tasks.selection import RULES, Rule, SubsetCounts
from tasks.selection.decide import decide


def released(s, r, ts, tr):
    if s > ts and r < tr:
        return "sensibility"
    return "rationality" if r > tr and s < ts else "discard"


def paper(s, r, ts, tr):
    if s > ts and r < tr:
        return "sensibility"
    return "rationality" if r > tr else "discard"


REFERENCE = {"paper": paper, "released": released}
SCORES = st.one_of(
    st.integers(0, 10).map(float), st.floats(0, 10), st.sampled_from([5.0, 4.999999999999999, 0.0, 10.0])
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        yield opened


def decide_all(connection, rule, pairs, ts, tr, excluded=None):
    frame = pl.DataFrame(
        {
            "n": range(len(pairs)),
            "sensibility": [s for s, _ in pairs],
            "rationality": [r for _, r in pairs],
            "excluded_because": excluded or [None] * len(pairs),
        },
        schema={"n": pl.Int64, "sensibility": pl.Float64, "rationality": pl.Float64, "excluded_because": pl.String},
    )
    connection.register("rows", frame.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE candidates AS SELECT * FROM rows")
    connection.unregister("rows")
    config = SelectionConfig(rule=rule, sensibility_threshold=ts, rationality_threshold=tr)
    counts = decide(connection, config)
    return counts, connection.execute("SELECT subset, reason FROM decisions ORDER BY n").fetchall()


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


def test_every_rule_of_the_configuration_exists_and_says_what_it_does():
    assert set(RULES) == set(REFERENCE)
    for name, rule in RULES.items():
        assert isinstance(rule, Rule)
        assert rule.name == name
        assert rule.summary.endswith(".")
