"""Evaluation as Prefect tasks: one system a task, and of the one under way its finished batches are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from tasks.chat import EMPATHY_INSTRUCTION
from tasks.config import ExperimentConfig, GateConfig, JudgeConfig, PairwiseConfig, ScoringConfig
from tasks.errors import DataLeakError, GateError, UsageError
from tasks.evaluation import (
    Candidates,
    FinishedBatches,
    Verdict,
    ask_alike,
    compare_recipes,
    cut_budget,
    evaluate_system,
    evaluation_recipe,
    find_candidates,
    find_revision,
    generated_recipe,
    index_evaluation,
    judge_candidates,
    list_pairs,
    load_system,
    make_wins_table,
    pick_held_out,
    promote,
    questions_recipe,
    read_base_name,
    read_comparisons,
    read_metrics,
    read_responses,
    read_wins,
    responses_recipe,
    write_evaluation,
    write_generated,
    write_markdown,
    write_questions,
    write_responses,
)
from tasks.experts import Base, prepare_base, read_corpus
from tasks.home import Home, open_home
from tasks.schema import ArtifactRef
from tasks.scoring import count_spent, identify_judge


@task(name="evaluate system", task_run_name="evaluate {name}", cache_policy=NO_CACHE)
def evaluate_one(
    name: str,
    model: ArtifactRef | None,
    corpus: list[ArtifactRef],
    base: Base,
    config: ExperimentConfig,
    max_minutes: float | None = None,
) -> ArtifactRef:
    """Let one system find the held-out responses likely, and answer some of them; go on where a killed run was."""
    home = open_home()
    instruction = EMPATHY_INSTRUCTION if name == "prompted" else None
    prompt_format = config.expert.prompt_format if model else "chat"

    def build(folder: Path) -> dict[str, Any]:
        held_out = pick_held_out(read_corpus(home.artifacts, corpus), config.evaluation)
        refuse_trained_on(home, model, held_out, name)
        loaded, tokenizer = load_system(home, model, base)
        rows = evaluate_system(
            loaded, tokenizer, name, held_out, config.evaluation, prompt_format, instruction, finished
        )
        return write_responses(folder, rows)

    recipe = responses_recipe(name, corpus, model, config.evaluation, prompt_format, base.digest, instruction)
    finished = FinishedBatches(home.settings.cache_dir / "evaluation" / recipe.digest, max_minutes)
    ref = home.artifacts.produce(recipe, build)
    finished.clear()
    return home.record(ref)


@task(name="compare systems", cache_policy=NO_CACHE)
def compare_systems(
    responses: list[ArtifactRef],
    config: ExperimentConfig,
    scores: ArtifactRef | None = None,
    verdicts: ArtifactRef | None = None,
) -> ArtifactRef:
    """Measure every system's responses, with intervals, and show the table on the run's page."""
    home = open_home()
    scored = open_judgement(home, scores, "generated")
    compared = open_judgement(home, verdicts, "questions")
    judgements = [ref for ref in (scores, verdicts) if ref is not None]
    judges = {ref.kind: home.artifacts.read_manifest(ref.uri)["facts"]["alias"] for ref in judgements}

    def build(folder: Path) -> dict[str, Any]:
        parts = [home.artifacts.open(ref) for ref in responses]
        return {**write_evaluation(folder, parts, config.evaluation, scored, compared), "judges": judges}

    ref = home.artifacts.produce(evaluation_recipe(responses, config.evaluation, judgements), build)
    folder = home.artifacts.open(ref)
    metrics = read_metrics(folder)
    with home.store.transaction() as connection:
        index_evaluation(connection, ref.config_digest, metrics)
    wins = read_wins(folder)
    markdown = write_markdown(metrics, read_comparisons(folder))
    markdown += "" if wins is None else make_wins_table(wins).to_markdown()
    create_markdown_artifact(key="evaluation", markdown=markdown, description=ref.uri)
    home.artifacts.set_current("evaluation", ref)
    return home.record(ref)


@task(name="gather candidates", cache_policy=NO_CACHE)
def gather_candidates(evaluation: ArtifactRef | None, gate: GateConfig) -> Candidates:
    """Return what must be compared before the mixture of an evaluation, the last one if not given, is accepted."""
    artifacts = open_home().artifacts
    chosen = evaluation or artifacts.get_current("evaluation")
    if chosen is None:
        raise UsageError("There is no evaluation yet.", do="run `empathy evaluate` first")
    return find_candidates(artifacts, chosen, gate)


@task(name="prepare candidate", cache_policy=NO_CACHE)
def prepare_candidate(
    mixture: ArtifactRef, candidates: Candidates, config: ExperimentConfig
) -> tuple[Base, ExperimentConfig]:
    """Return the base that a mixture was trained on, and the config by which it answers the candidates' turns."""
    home = open_home()
    name, revision = read_base_name(home.artifacts, mixture)
    base = prepare_base(name, revision, home.settings.cache_dir, home.settings.hub_token)
    return base, ask_alike(home.artifacts, mixture, base, candidates, config)


@task(name="judge mixture", cache_policy=NO_CACHE)
def judge_mixture(
    candidates: Candidates, new: list[ArtifactRef], accepted: list[ArtifactRef], config: ExperimentConfig
) -> Verdict:
    """Say on the run's page whether the new mixture is worse than the accepted one; raises GateError if it may be.

    `new` and `accepted` are the responses of each side's seeds, none of them where there is nothing to compare.
    """
    artifacts = open_home().artifacts
    rows, rivals = ([read_responses([artifacts.open(ref)]) for ref in side] for side in (new, accepted))
    comparison = compare_recipes(rows, rivals, config.gate, config.evaluation) if new else None
    try:
        verdict = judge_candidates(candidates, comparison)
    except GateError as error:
        create_markdown_artifact(key="gate", markdown=f"**Failed.** {error.what}", description=error.do)
        raise
    create_markdown_artifact(key="gate", markdown=f"**Passed.** {verdict.said}", description=verdict.mixture.uri)
    return verdict


@task(name="promote mixture", cache_policy=NO_CACHE)
def promote_mixture(verdict: Verdict) -> Verdict:
    """Make the mixture that passed the accepted one, and note the step; uncompared, only where none is accepted.

    Raises GateError if another mixture was accepted since the comparison.
    """
    step = promote(
        open_home().artifacts, verdict.mixture, verdict.evaluation,
        by="gate", flow_run_id=str(flow_run.id or ""), revision=find_revision(), comparison=verdict.comparison,
        compared_with=verdict.accepted,
    )  # fmt: skip
    if step:
        said = "It is the accepted mixture now"
    else:
        said = "It was accepted already" if verdict.comparison else "Not promoted, as nothing was compared"
    create_markdown_artifact(key="promotion", markdown=f"{said}: `{verdict.mixture.config_digest}`")
    told = verdict.said if step else f"{verdict.said} {said}."
    return verdict.model_copy(update={"is_promoted": step is not None, "said": told})


@task(name="keep generated turns", cache_policy=NO_CACHE)
def keep_generated(responses: list[ArtifactRef], corpus: list[ArtifactRef]) -> ArtifactRef:
    """Write the systems' responses as turns that any judge can score; they are no part of the corpus."""
    home = open_home()

    def build(folder: Path) -> dict[str, Any]:
        said = read_responses([home.artifacts.open(ref) for ref in responses])
        return write_generated(folder, said, read_corpus(home.artifacts, corpus))

    return home.record(home.artifacts.produce(generated_recipe(responses, corpus), build))


@task(name="keep questions", cache_policy=NO_CACHE)
def keep_questions(responses: list[ArtifactRef], corpus: list[ArtifactRef], pairwise: PairwiseConfig) -> ArtifactRef:
    """Write what a judge is to be asked about the pairs of systems, both orders of every two responses."""
    home = open_home()
    said = read_responses([home.artifacts.open(ref) for ref in responses])
    pairs = list_pairs(pairwise, set(said["system"]))

    def build(folder: Path) -> dict[str, Any]:
        return write_questions(folder, said, read_corpus(home.artifacts, corpus), pairs)

    return home.record(home.artifacts.produce(questions_recipe(responses, corpus, pairs), build))


@task(name="leave budget", cache_policy=NO_CACHE)
def leave_budget(scoring: ScoringConfig, judge: JudgeConfig | None, since: float) -> ScoringConfig:
    """Return the limits with what this judge's calls since a moment (seconds of the epoch) left of the budget."""
    if judge is None:
        return scoring
    home = open_home()
    identity = identify_judge(judge, home.settings.judge_base_url)
    with home.store.transaction() as connection:
        return cut_budget(scoring, count_spent(connection, identity.judge_id, since))


def open_judgement(home: Home, ref: ArtifactRef | None, kind: str) -> tuple[Path, Path] | None:
    """Return the folders of what was judged, a parent of that kind, and of what the judge said of it."""
    if ref is None:
        return None
    parents = [ArtifactRef(**parent) for parent in home.artifacts.read_manifest(ref.uri)["parents"]]
    return home.artifacts.open(next(parent for parent in parents if parent.kind == kind)), home.artifacts.open(ref)


@task(name="check held-out dialogues", cache_policy=NO_CACHE)
def check_held_out(corpus: list[ArtifactRef], subsets: ArtifactRef, config: ExperimentConfig) -> int:
    """Count the turns to evaluate on, before anything is trained.

    Raises ConfigError where there are none, DataLeakError where they are of the split that is learned from.
    """
    home = open_home()
    held_out = pick_held_out(read_corpus(home.artifacts, corpus), config.evaluation)
    split, chosen = held_out["split"][0], home.artifacts.read_manifest(subsets.uri)["config"]["split"]
    if split == chosen:
        raise DataLeakError(
            f"The models would learn from the split {chosen!r} and be evaluated on it.",
            where=f"selection.split={chosen}, evaluation.split={config.evaluation.split}",
            do="ingest dialogues of another split too, or all of them without --split: then 5 % become test",
        )
    return len(held_out)


def refuse_trained_on(home: Home, model: ArtifactRef | None, held_out: pl.DataFrame, name: str) -> None:
    """Raise DataLeakError if the model was trained on a dialogue, or the text of a turn, that is held out."""
    if model is None:
        return
    trained = pl.read_parquet(home.artifacts.open(model) / "rows.parquet", glob=False)
    leaked = held_out.filter(
        pl.col("dialogue_id").is_in(trained["dialogue_id"].implode())
        | pl.col("turn_key").is_in(trained["turn_key"].implode())
    )
    if len(leaked):
        raise DataLeakError(
            f"{name!r} was trained on {len(leaked):,} of the turns it would be evaluated on.",
            where=f"dialogue {leaked['dialogue_id'][0]} and others",
            do="evaluate on another split, or select and train without it",
        )
