"""Distillation and calibration as Prefect tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from tasks.chat import to_utterances
from tasks.errors import UsageError
from tasks.home import Home, open_home
from tasks.judges import (
    RememberingEncoder,
    Source,
    calibration_recipe,
    cross_validate,
    distill,
    distill_recipe,
    fit_calibration,
    measure_calibration,
    write_calibration,
    write_card,
)
from tasks.schema import ArtifactRef, Turn
from tasks.scoring import load_encoder, name_encoder


@task(name="distill judge", cache_policy=NO_CACHE)
def distill_from_scores(corpus: list[ArtifactRef], scores: ArtifactRef, encoder_name: str = "") -> ArtifactRef:
    """Fit the distilled judge to the scores in force and write its weights with their card."""
    home = open_home()
    encoder = load_encoder(encoder_name) if encoder_name else None
    alias = home.artifacts.read_manifest(scores.uri)["facts"]["alias"]

    def build(folder: Path) -> dict[str, Any]:
        rows = leave_out_test(read_scored(home, corpus, scores))
        turns = [
            Turn(row["turn_key"], to_utterances(row["prompt"]), row["response"]) for row in rows.iter_rows(named=True)
        ]
        ids, sensibility, rationality = (rows[name].to_list() for name in ("dialogue_id", "sensibility", "rationality"))
        remembering = RememberingEncoder(encoder) if encoder else None
        figures = cross_validate(turns, ids, sensibility, rationality, encoder=remembering)
        facts = distill(turns, ids, sensibility, rationality, folder, remembering)
        facts["encoder_name"] = name_encoder(encoder_name) if encoder_name else ""
        sources = sorted({home.artifacts.read_manifest(ref.uri)["facts"]["source"] for ref in corpus})
        # where the texts are from is known by name only: the card says that their licences are not
        texts = ", ".join(Path(name).name for name in sources)
        if "test" not in rows["split"]:
            texts += " (without their split test)"
        source = Source(texts=texts, teacher=f"scores of the judge {alias}")
        write_card(figures, folder / "CARD.md", facts, source)
        return {**facts, "n_rows": len(turns), "teacher": alias}

    ref = home.artifacts.produce(distill_recipe(corpus, scores, encoder.digest if encoder else ""), build)
    card = (home.artifacts.open(ref) / "CARD.md").read_text(encoding="utf-8")
    create_markdown_artifact(key="distilled-judge", markdown=card, description=ref.uri)
    return home.record(ref)


@task(name="calibrate judge", cache_policy=NO_CACHE)
def calibrate_from_scores(corpus: list[ArtifactRef], scores: ArtifactRef, reference: ArtifactRef) -> ArtifactRef:
    """Fit the maps from a judge's scores to the reference's and keep them; nothing uses them unasked."""
    home = open_home()
    judge, other = (home.artifacts.read_manifest(ref.uri)["facts"] for ref in (scores, reference))
    if judge["judge_id"] == other["judge_id"]:
        raise UsageError(f"{judge['alias']} cannot be calibrated to itself.", do="name another judge with --to")

    def build(folder: Path) -> dict[str, Any]:
        names = {name: f"reference_{name}" for name in ("sensibility", "rationality")}
        other_scores = read_scored(home, corpus, reference).select("turn_key", *names).rename(names)
        pairs = leave_out_test(read_scored(home, corpus, scores)).join(other_scores, on="turn_key", how="inner")
        calibration = fit_calibration(pairs, judge["judge_id"], judge["alias"], other["alias"])
        write_calibration(calibration, folder)
        figures = measure_calibration(pairs)
        return {"n_rows": len(pairs), "alias": judge["alias"], "reference": other["alias"], "figures": figures}

    return home.record(home.artifacts.produce(calibration_recipe(corpus, scores, reference), build))


def leave_out_test(turns: pl.DataFrame) -> pl.DataFrame:
    """Return the turns outside the split test, which decides nothing that is evaluated on it; all if none are left."""
    seen = turns.filter(pl.col("split") != "test")
    return turns if seen.is_empty() else seen


def read_scored(home: Home, corpus: list[ArtifactRef], scores: ArtifactRef) -> pl.DataFrame:
    """Return the turns that have a score, each text once, with it."""
    columns = ["dialogue_id", "turn_key", "split", "prompt", "response"]
    turns = pl.concat(
        pl.read_parquet(home.artifacts.open(ref) / "turns.parquet", columns=columns, glob=False) for ref in corpus
    )
    scored = pl.read_parquet(home.artifacts.open(scores) / "scores.parquet", glob=False).drop_nulls("sensibility")
    return turns.unique("turn_key", keep="last", maintain_order=True).join(scored, on="turn_key", how="inner")
