"""The history of runs: what each keeps, what it is compared with, and that it stays where the artifacts are."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from tasks.config import SelectionConfig
from tasks.errors import ArtifactError
from tasks.manifest import Recipe
from tasks.selection import accept_selection, drop_repeats, keep_run, materialize, read_accepted, read_runs
from tasks.selection.agreement import compare_selections


def make_rows(make_row, n: int, mean: float, seed: int = 1, said: str = "I won", **of):
    """Return n turns with whole scores around a mean, the same texts for the same numbers."""
    rng = random.Random(seed)

    def draw(centre: float) -> float:
        return float(min(10, max(0, round(rng.gauss(centre, 1.5)))))

    return [make_row(f"d{k}", f"{said} {k}", (draw(mean), draw(4.0)), response="Oh. " * 3, **of) for k in range(n)]


def select(scored, **config):
    return materialize(scored.artifacts, scored.corpus, scored.scores, SelectionConfig(**config))


def test_a_manifest_holds_how_scores_and_lengths_are_spread(make_scored, make_row):
    rows = [make_row("a", "x", (0.0, 10.0)), make_row("b", "y", (9.5, 0.49), response="Oh dear no."),
            make_row("c", "z", (5.0, 5.0)), make_row("e", "w", "refusal"), make_row("f", "v", None)]  # fmt: skip
    scored = make_scored(rows)
    ref = select(scored, min_words=2)  # what a modifier discards is data all the same
    found = scored.artifacts.read_manifest(ref.uri)["facts"]["distribution"]
    assert found["n"] == 3
    bins = {name: {at: n for at, n in enumerate(found[name]["counts"]) if n} for name in ("sensibility", "rationality")}
    assert bins == {"sensibility": {0: 1, 10: 1, 19: 1}, "rationality": {0: 1, 10: 1, 19: 1}}
    assert found["sensibility"]["mean"] == pytest.approx(np.mean([0, 9.5, 5]), abs=1e-5)
    assert found["sensibility"]["sd"] == pytest.approx(np.std([0, 9.5, 5], ddof=1), abs=1e-5)
    assert found["words"]["mean"] == pytest.approx(5 / 3, abs=1e-5)
    empty = make_scored([make_row("g", "u", None)])
    facts = empty.artifacts.read_manifest(select(empty).uri)["facts"]
    assert (facts["distribution"]["n"], facts["distribution"]["words"]["mean"]) == (0, None)


def test_agreement_is_of_common_turns_and_the_rank_correlation_is_scipys(make_scored, make_row, tmp_path):
    before = make_rows(make_row, 200, 6.0)
    now = [make_row(r.dialogue_id, r.text, (min(10, r.scores[0] + k % 3), r.scores[1]), response=r.response)
           for k, r in enumerate(before[:150])]  # fmt: skip
    first, second = make_scored(before), make_scored([*now, *make_rows(make_row, 20, 6.0, said="Other")])
    folders = [scored.artifacts.open(select(scored)) for scored in (second, first)]
    found = compare_selections(*folders)

    keys = ["dialogue_id", "utterance_idx", "turn_key"]
    frames = [pl.concat([pl.read_parquet(folder / f"{subset}.parquet", glob=False) for subset in
                         ("sensibility", "rationality", "discard")]) for folder in folders]  # fmt: skip
    common = frames[0].join(frames[1], on=keys)
    assert (found.n_common, found.n_alike) == (150, (common["subset"] == common["subset_right"]).sum())
    expected = spearmanr(common["sensibility"], common["sensibility_right"]).statistic
    assert found.spearman["sensibility"] == pytest.approx(expected, abs=1e-5)
    assert found.spearman["rationality"] == 1.0
    assert compare_selections(folders[0], folders[0]).n_rescored == 0


def test_runs_are_kept_in_their_order_with_what_they_were_compared_with(make_scored, make_row):
    steady = make_scored(make_rows(make_row, 300, 6.0))
    artifacts, first = steady.artifacts, select(steady)
    one = keep_run(artifacts, first, "flow-1")
    again = keep_run(artifacts, first)
    assert (one.baseline, again.drift, again.warning) == (None, None, "")

    moved = make_scored(make_rows(make_row, 300, 8.5, seed=2))
    two = keep_run(artifacts, select(moved))
    assert two.baseline is not None
    assert (two.baseline.subsets, two.baseline.is_accepted) == (first, False)
    assert {"sensibility", "share of sensibility"} <= {change.what for change in two.drift.changes}
    assert "the selection before by this judge" in two.warning
    assert "mean 6." in two.warning
    assert two.agreement.n_common == 300
    assert read_runs(artifacts) == [one, again, two]
    assert [run.flow_run_id for run in read_runs(artifacts, most=3)][:1] == ["flow-1"]
    assert drop_repeats([one, again, two]) == [one, two]


def test_a_threshold_that_a_person_moves_is_no_drift(make_scored, make_row):
    scored = make_scored(make_rows(make_row, 300, 6.0))
    for config in ({}, {"sensibility_threshold": 8.0}, {"rule": "released"}, {"rule": "top-k", "top_k": 9}):
        assert keep_run(scored.artifacts, select(scored, **config)).warning == ""


def test_the_accepted_selection_is_the_baseline_until_another_is_accepted(make_scored, make_row):
    steady, moved = make_scored(make_rows(make_row, 300, 6.0)), make_scored(make_rows(make_row, 300, 8.5, seed=2))
    artifacts, first, second = steady.artifacts, select(steady), select(moved)
    accept_selection(artifacts, first)
    keep_run(artifacts, first)
    assert "the accepted selection" in keep_run(artifacts, second).warning
    assert "the accepted selection" in keep_run(artifacts, second).warning, "it stays said until somebody accepts"
    accept_selection(artifacts, second)
    assert read_accepted(artifacts) == {"train": second}
    assert keep_run(artifacts, second).warning == ""
    assert "the accepted selection" in keep_run(artifacts, first).warning


def test_another_split_is_not_compared(make_scored, make_row):
    rows = [*make_rows(make_row, 200, 6.0), *make_rows(make_row, 200, 9.0, seed=3, said="Held out", split="valid")]
    scored = make_scored(rows)
    accept_selection(scored.artifacts, select(scored, split="train"))
    assert keep_run(scored.artifacts, select(scored, split="valid")).baseline is None


def test_each_split_has_its_own_accepted_selection(make_scored, make_row):
    def make(mean: float, seed: int):
        held_out = make_rows(make_row, 200, 9.0, seed=3, said="Held out", split="valid")
        return make_scored([*make_rows(make_row, 300, mean, seed=seed), *held_out])

    steady, moved = make(6.0, 1), make(8.5, 2)
    artifacts, train, valid = steady.artifacts, select(steady, split="train"), select(steady, split="valid")
    accept_selection(artifacts, train)
    accept_selection(artifacts, valid)
    assert read_accepted(artifacts) == {"train": train, "valid": valid}
    run = keep_run(artifacts, select(moved, split="train"))
    assert (run.baseline.subsets, run.baseline.is_accepted) == (train, True)
    assert "the accepted selection" in run.warning
    assert keep_run(artifacts, select(moved, split="valid")).baseline.subsets == valid
    assert "the accepted selection" in keep_run(artifacts, select(moved, split="train")).warning


def test_a_selection_that_is_gone_is_not_accepted(make_scored, make_row):
    scored = make_scored(make_rows(make_row, 20, 6.0))
    ref = select(scored)
    shutil.rmtree(ref.uri)
    with pytest.raises(ArtifactError):
        accept_selection(scored.artifacts, ref)
    assert read_accepted(scored.artifacts) == {}


def judged(scored, judge_id: str, shift: float = 0.0, **config):
    """Return a selection from the same turns, whose scores another judge gave, all higher by so much."""
    frame = pl.read_parquet(Path(scored.scores.uri) / "scores.parquet", glob=False)
    frame = frame.with_columns((pl.col("sensibility") + shift).clip(0, 10))

    def build(folder: Path):
        frame.write_parquet(folder / "scores.parquet")
        return {"n_rows": len(frame), "judge_id": judge_id, "alias": judge_id}

    scores = scored.artifacts.produce(Recipe("scores", 1, {"judge": judge_id}, (*scored.corpus, scored.scores)), build)
    return materialize(scored.artifacts, scored.corpus, scores, SelectionConfig(**config))


def test_switching_between_judges_on_the_same_turns_is_a_notice_and_never_a_warning(make_scored, make_row, caplog):
    scored = make_scored(make_rows(make_row, 300, 5.0))
    refs = {judge: judged(scored, judge, shift) for judge, shift in (("a", 0), ("b", 3))}
    runs = [keep_run(scored.artifacts, refs[judge]) for judge in "abbaab"]
    assert [run.warning for run in runs] == [""] * 6
    assert [run.judge_change is not None for run in runs] == [False, True, False, True, False, True]
    assert runs[1].drift.stability["sensibility"] is None
    assert runs[1].agreement.n_common == 300
    assert [run.baseline.subsets for run in runs[2:]] == [refs["b"], refs["a"], refs["a"], refs["b"]]
    notices = [record.notice for record in caplog.records if hasattr(record, "notice")]
    assert ["than that of the run before: " in notice for notice in notices] == [True] * 3
    assert read_runs(scored.artifacts) == runs


def test_data_that_changed_is_seen_by_the_judges_own_last_run(make_scored, make_row):
    steady, moved = make_scored(make_rows(make_row, 300, 5.0)), make_scored(make_rows(make_row, 300, 8.5, seed=2))
    first = judged(steady, "a")
    keep_run(steady.artifacts, first)
    keep_run(steady.artifacts, judged(steady, "b", 3))
    run = keep_run(steady.artifacts, judged(moved, "a"))
    assert run.baseline.subsets == first
    assert "the selection before by this judge" in run.warning
    assert "b b -> a a" in run.judge_change.said
    assert "judge" not in {change.what for change in run.drift.changes}


def test_the_accepted_selection_of_another_judge_is_said_at_each_run_and_warns_of_nothing(make_scored, make_row):
    scored = make_scored(make_rows(make_row, 300, 5.0))
    accept_selection(scored.artifacts, judged(scored, "a"))
    runs = [keep_run(scored.artifacts, judged(scored, "b", 3)) for _ in range(2)]
    assert [run.warning for run in runs] == ["", ""]
    assert all("another judge than that of the accepted selection" in run.judge_change.said for run in runs)
    accept_selection(scored.artifacts, runs[0].subsets)
    assert keep_run(scored.artifacts, runs[0].subsets).judge_change is None


def test_a_target_share_on_new_scores_says_how_far_its_threshold_moved(make_scored, make_row):
    runs = []
    for mean, seed in ((4.0, 1), (4.0, 5), (7.0, 2)):
        scored = make_scored(make_rows(make_row, 400, mean, seed=seed))
        runs.append(keep_run(scored.artifacts, select(scored, target_share=0.5)))
    assert runs[1].warning == ""
    (change,) = [change for change in runs[2].drift.changes if change.what == "threshold"]
    assert float(change.now) - float(change.before) > 2
    assert "target 50.0%" in change.said
    assert change.said in runs[2].warning


def test_a_baseline_that_is_gone_or_a_torn_record_never_stops_a_run(make_scored, make_row, caplog):
    steady, moved = make_scored(make_rows(make_row, 300, 6.0)), make_scored(make_rows(make_row, 300, 8.5, seed=2))
    artifacts, first, second = steady.artifacts, select(steady), select(moved)
    keep_run(artifacts, first)
    (Path(artifacts.root) / "runs" / "20200101T000000000000-x.json").write_text("{", encoding="utf-8")
    accept_selection(artifacts, first)
    shutil.rmtree(first.uri)
    run = keep_run(artifacts, second)
    assert run.agreement is None
    assert run.drift.changes, "the record of a run is enough to see drift by"
    assert "cannot be read" in caplog.text
    assert "cannot be compared with" in caplog.text


def test_runs_and_acceptance_are_the_same_from_another_host(open_store, make_scored, make_row, tmp_path):
    scored = make_scored(make_rows(make_row, 20, 6.0))
    store = open_store()
    manifest = scored.artifacts.read_manifest(select(scored).uri)
    ref = store.produce(recipe_of(manifest), lambda _: manifest["facts"])
    run = keep_run(store, ref)
    accept_selection(store, ref)
    elsewhere = open_store("elsewhere")
    assert (read_runs(elsewhere), read_accepted(elsewhere)) == ([run], {"train": ref})


def recipe_of(manifest):
    return Recipe("subsets", manifest["stage_version"], manifest["config"])
