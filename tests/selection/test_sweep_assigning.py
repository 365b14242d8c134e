"""All thresholds of a rule decided in one scan, against one decision after the other, for any scores."""

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import SelectionConfig
from tasks.selection import SUBSETS
from tasks.selection.calibrating import define_calibration
from tasks.selection.decide import decide
from tasks.selection.sweeping.assigning import assign_subsets

THRESHOLDS = st.one_of(st.integers(0, 10).map(float), st.floats(0, 10))
SCORES = st.one_of(st.integers(0, 10).map(float), st.floats(0, 10))
POINTS = st.tuples(st.sampled_from(["paper", "released", "lower-bound"]), THRESHOLDS, THRESHOLDS)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        define_calibration(opened, None)
        opened.execute(
            "CREATE TEMP TABLE candidates (source INT, row BIGINT, dialogue_id VARCHAR, utterance_idx INT, "
            "turn_key VARCHAR, split VARCHAR, emotion VARCHAR, n_words INT, sensibility DOUBLE, rationality DOUBLE, "
            "sensibility_sd DOUBLE, rationality_sd DOUBLE, excluded_because VARCHAR)"
        )
        yield opened


@given(st.data(), st.lists(POINTS, min_size=1, max_size=6))
def test_one_scan_decides_as_many_decisions_do(connection, data, points):
    turns = data.draw(st.lists(st.tuples(SCORES, SCORES, st.one_of(st.none(), st.floats(0, 3))), max_size=12))
    connection.execute("DELETE FROM candidates")
    for n, (s, r, sd) in enumerate(turns):
        row = [
            1,
            -n + 20,
            f"d{n}",
            2,
            f"k{n}",
            "train",
            "e",
            n,
            s,
            r,
            sd,
            sd,
            "unscored: not asked" if n == 5 else None,
        ]
        connection.execute(f"INSERT INTO candidates VALUES ({', '.join('?' * 13)})", row)
    grid = [
        SelectionConfig(rule=rule, sensibility_threshold=ts, rationality_threshold=tr, min_words=1)
        for rule, ts, tr in points
    ]
    assigned = assign_subsets(connection, grid)
    for selection, row in zip(grid, assigned, strict=True):
        decide(connection, selection)
        found = connection.execute("SELECT subset FROM decisions WHERE subset <> 'excluded' ORDER BY row").fetchall()
        assert [SUBSETS[code] for code in row] == [subset for (subset,) in found]
    assert assigned.dtype == np.uint8
