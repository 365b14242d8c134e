"""Scores that are mapped before they are compared, and turns that two judges must agree on."""

import dataclasses

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import SelectionConfig
from tasks.errors import UsageError
from tasks.judges import Calibration, Curve, write_calibration
from tasks.manifest import Recipe
from tasks.selection import materialize, pin_aids, preview, verify_selection
from tasks.selection.calibrating import write_curve

KNOTS = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=12, unique_by=lambda knot: knot[0])
SAME = Curve(x=(0, 10), y=(0, 10))
HALVED = Curve(x=(0, 8, 10), y=(0, 4, 10))


@given(KNOTS, st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_a_curve_in_sql_is_the_curve(knots, scores):
    x, y = sorted(knot[0] for knot in knots), sorted(knot[1] for knot in knots)
    curve = Curve(x=tuple(x), y=tuple(y))
    wanted = [*scores, *x]
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {write_curve(curve)} FROM unnest($scores) AS t(score)", {"scores": wanted})
        mapped = np.array([row[0] for row in found.fetchall()])
    assert np.allclose(mapped, curve.apply(wanted), atol=1e-9)
    assert np.array_equal(mapped[len(scores) :], y), "a corner is met exactly"


@pytest.fixture
def keep_calibration():
    def keep(scored, sensibility=SAME, rationality=SAME, judge_id="j"):
        calibration = Calibration(
            judge_id=judge_id, alias=judge_id, reference="people", n_turns=60, sensibility=sensibility,
            rationality=rationality,
        )  # fmt: skip

        def build(folder):
            write_calibration(calibration, folder)
            return {"n_rows": 60}

        inputs = {"maps": calibration.model_dump_json()}
        return scored.artifacts.produce(Recipe("calibration", 1, {}, (), inputs), build).config_digest

    return keep


@pytest.fixture
def keep_scores():
    """Keep another judge's scores of the rows in the same store."""

    def keep(scored, scores):
        rows = [{"turn_key": row.turn_key, "sensibility": s, "rationality": r} for row, (s, r) in scores]
        frame = pl.DataFrame(rows, schema={"turn_key": pl.String, "sensibility": pl.Float64, "rationality": pl.Float64})

        def build(folder):
            frame.write_parquet(folder / "scores.parquet")
            return {"n_rows": len(frame), "judge_id": "k", "alias": "k"}

        return scored.artifacts.produce(Recipe("scores", 1, {"judge": "k"}), build).config_digest

    return keep


def select(scored, **options):
    ref = materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig(**options))
    folder = scored.artifacts.open(ref)
    rows = pl.concat(pl.read_parquet(folder / f"{name}.parquet", glob=False) for name in ("sensibility", "discard"))
    return ref, {row["dialogue_id"]: row for row in rows.iter_rows(named=True)}


@pytest.mark.parametrize(("rule", "threshold"), [("paper", 3.9), ("lower-bound", 3.9)])
def test_a_calibrated_score_is_compared_and_the_judges_own_is_kept(
    make_scored, make_row, keep_calibration, rule, threshold
):
    scored = make_scored([make_row("a", "x", (8.0, 1.0)), make_row("b", "y", (7.0, 1.0))])
    maps = keep_calibration(scored, sensibility=HALVED)
    ref, found = select(scored, rule=rule, calibration=maps, sensibility_threshold=threshold)
    assert {name: (row["subset"], row["sensibility"]) for name, row in found.items()} == {
        "a": ("sensibility", 8.0), "b": ("discard", 7.0),
    }  # fmt: skip
    manifest = scored.artifacts.read_manifest(ref.uri)
    assert manifest["config"]["calibration"] == maps
    assert f"calibrated by {maps[:12]}" in manifest["facts"]["rule"]["label"]
    assert "calibration" in [parent["kind"] for parent in manifest["parents"]]
    assert verify_selection(scored.artifacts, ref.config_digest).differences == ()


def test_a_threshold_of_a_rule_that_ranks_is_told_on_the_scale_of_the_map(make_scored, make_row, keep_calibration):
    scored = make_scored([make_row("a", "x", (8.0, 1.0)), make_row("b", "y", (7.0, 1.0))])
    maps = keep_calibration(scored, sensibility=HALVED)
    ref, _ = select(scored, rule="top-k", top_k=1, calibration=maps)
    assert scored.artifacts.read_manifest(ref.uri)["facts"]["thresholds"]["sensibility"] == 4.0


def test_a_calibration_of_another_judge_or_none_at_all_is_refused(make_scored, make_row, keep_calibration):
    scored = make_scored([make_row("a", "x", (8.0, 1.0))])
    maps = keep_calibration(scored, judge_id="k")
    with pytest.raises(UsageError, match="maps the scores of k, not of j"):
        select(scored, calibration=maps)
    with pytest.raises(UsageError, match="names no artifact of the kind calibration") as caught:
        select(scored, calibration="0" * 32)
    assert maps[:12] in caught.value.do


def test_turns_on_which_two_judges_differ_are_discarded_with_the_reason(make_scored, make_row, keep_scores):
    rows = [make_row(name, f"I am {name}", (8.0, 1.0)) for name in ("near", "edge", "far", "unknown")]
    scored = make_scored(rows)
    other = keep_scores(scored, zip(rows, [(8.0, 2.0), (5.0, 1.0), (4.9, 1.0)], strict=False))
    ref, found = select(scored, agree_with=other, min_agreement=0.7)
    assert {name: (row["subset"], row["reason"]) for name, row in found.items()} == {
        "near": ("sensibility", "S > threshold and R < threshold"),
        "edge": ("sensibility", "S > threshold and R < threshold"),
        "far": ("discard", "modifier: judges agree less than 0.7"),
        "unknown": ("discard", "modifier: the other judge gave no score"),
    }
    assert verify_selection(scored.artifacts, ref.config_digest).differences == ()
    counts = preview(scored.artifacts, scored.corpus, scored.scores,
                     [SelectionConfig(agree_with=other, min_agreement=0.7)])[0]  # fmt: skip
    assert (counts.sensibility, counts.discard) == (2, 2)


@pytest.mark.parametrize("options", [{"agree_with": "k"}, {"min_agreement": 0.5}])
def test_how_near_and_to_whom_belong_together(options):
    with pytest.raises(ValueError, match="belong together"):
        SelectionConfig(**options)


def test_scores_that_are_kept_are_named_by_their_digest_again(make_scored, make_row, keep_scores, home):
    rows = [make_row("a", "x", (8.0, 1.0))]
    scored = make_scored(rows)
    other = keep_scores(scored, [(rows[0], (8.0, 1.0))])
    kept = dataclasses.replace(home, artifacts=scored.artifacts)
    wanted = SelectionConfig(agree_with=other, min_agreement=0.7)
    assert pin_aids(kept, scored.corpus, wanted) == wanted, "the command that a report prints can be run"
