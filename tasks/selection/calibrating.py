"""A calibration as SQL, so that millions of scores are mapped where they are compared."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb

from tasks.scoring import DIMENSIONS

if TYPE_CHECKING:  # the stage takes half a second to import, and most selections use no calibration
    from tasks.judges import Calibration, Curve


def define_calibration(connection: duckdb.DuckDBPyConnection, calibration: Calibration | None) -> None:
    """Make the macros `calibrate_sensibility` and `calibrate_rationality`; without a map they change nothing."""
    for name in DIMENSIONS:
        mapped = "score" if calibration is None else write_curve(calibration.curve(name))
        connection.execute(f"CREATE OR REPLACE TEMP MACRO calibrate_{name}(score) AS {mapped}")


def write_curve(curve: Curve) -> str:
    """Return a SQL expression over `score` that is the curve: straight between corners, flat beyond them."""
    corners = list(zip(curve.x, curve.y, strict=True))
    cases = [f"WHEN score <= {curve.x[0]!r}::DOUBLE THEN {curve.y[0]!r}::DOUBLE"]
    for (x0, y0), (x1, y1) in pairwise(corners):
        cases.append(f"WHEN score = {x1!r}::DOUBLE THEN {y1!r}::DOUBLE")  # a corner is met exactly
        part = f"((score - {x0!r}::DOUBLE) / {x1 - x0!r}::DOUBLE)"  # no slope: between near corners it has no bound
        cases.append(f"WHEN score < {x1!r}::DOUBLE THEN {y0!r}::DOUBLE + {y1 - y0!r}::DOUBLE * {part}")
    return f"CASE WHEN score IS NULL THEN NULL {' '.join(cases)} ELSE {curve.y[-1]!r}::DOUBLE END"
