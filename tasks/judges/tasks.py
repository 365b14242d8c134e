"""Distillation, calibration and regression of judges as Prefect tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.runtime import flow_run

from tasks.chat import to_utterances
from tasks.config import ActiveConfig, JudgeConfig, ScoringConfig
from tasks.errors import StoppedShortError, UsageError
from tasks.home import open_home
from tasks.judges import (
    WEIGHTS_FILE,
    RegressionConfig,
    RegressionRun,
    RememberingEncoder,
    Source,
    ask_cases,
    calibration_recipe,
    conclude_run,
    count_effective,
    cross_validate,
    derive_cases,
    describe_drift,
    describe_relations,
    distill,
    distill_recipe,
    expand_home,
    find_drawing,
    find_pass,
    find_ratings,
    fit_calibration,
    keep_file,
    leave_out_test,
    measure_calibration,
    measure_distilled,
    names_file,
    names_kept,
    parse_mapping,
    raise_faults,
    read_anchors,
    read_pairs,
    read_replies,
    read_scored,
    refuse_guesses,
    refuse_unaskable,
    tell_stopped,
    write_calibration,
    write_card,
)
from tasks.judges.active import Course, Round, conclude, deliver_scores, describe_active, plan_round
from tasks.progress import report_notice
from tasks.schema import ArtifactRef, Turn
from tasks.scoring import RUNS, DistilledJudge, Plan, choose_judge, load_encoder, name_encoder, snapshot_scores


@task(name="distill judge", cache_policy=NO_CACHE)
def distill_from_scores(corpus: list[ArtifactRef], scores: ArtifactRef, encoder_name: str = "") -> ArtifactRef:
    """Fit the distilled judge to the scores in force and write its weights with their card."""
    home = open_home()
    encoder = load_encoder(encoder_name) if encoder_name else None
    facts = home.artifacts.read_manifest(scores.uri)["facts"]
    alias = facts["alias"]
    refuse_guesses(facts.get("judge", {}).get("kind", ""), alias)

    def build(folder: Path) -> dict[str, Any]:
        rows = leave_out_test(read_scored(home.artifacts, corpus, scores))
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
        relations = measure_distilled(DistilledJudge.load(folder / WEIGHTS_FILE, remembering))
        write_card(figures, folder / "CARD.md", facts, source, relations)
        return {**facts, "n_rows": len(turns), "teacher": alias}

    ref = home.artifacts.produce(distill_recipe(corpus, scores, encoder.digest if encoder else ""), build)
    card = (home.artifacts.open(ref) / "CARD.md").read_text(encoding="utf-8")
    create_markdown_artifact(key="distilled-judge", markdown=card, description=ref.uri)
    return home.record(ref)


@task(name="find what is trusted", cache_policy=NO_CACHE)
def resolve_trusted(corpus: list[ArtifactRef], reference: str, mapping: list[str]) -> ArtifactRef:
    """Return what a judge is calibrated to: a judge's scores in force, ratings of this home, or those in a file."""
    home = open_home()
    if names_kept(reference):
        return find_ratings(home.artifacts, reference)
    if names_file(reference):
        return home.record(keep_file(home, expand_home(reference), parse_mapping(mapping)))
    with home.store.transaction() as connection:
        ref = snapshot_scores(connection, home.artifacts, corpus, *choose_judge(connection, reference))
    return home.record(ref)


@task(name="calibrate judge", cache_policy=NO_CACHE)
def calibrate_from_scores(corpus: list[ArtifactRef], scores: ArtifactRef, reference: ArtifactRef) -> ArtifactRef:
    """Fit the maps from a judge's scores to the reference's and keep them; nothing uses them unasked."""
    home = open_home()
    judge, other = (home.artifacts.read_manifest(ref.uri)["facts"] for ref in (scores, reference))
    for ref, facts in ((scores, judge), (reference, other)):
        if ref.kind == "scores":
            refuse_guesses(facts.get("judge", {}).get("kind", ""), facts["alias"])
    if reference.kind == "scores" and judge["judge_id"] == other["judge_id"]:
        raise UsageError(f"{judge['alias']} cannot be calibrated to itself.", do="name another judge with --to")
    drawing = find_drawing(home.artifacts, reference)

    def build(folder: Path) -> dict[str, Any]:
        pairs = read_pairs(home.artifacts, corpus, scores, reference, drawing)
        calibration = fit_calibration(pairs, judge["judge_id"], judge["alias"], other["alias"])
        write_calibration(calibration, folder)
        figures = measure_calibration(pairs)
        return {
            "n_rows": len(pairs), "n_effective": count_effective(pairs["weight"].to_numpy()), "figures": figures,
            "judge_id": judge["judge_id"], "alias": judge["alias"], "reference": other["alias"],
        }  # fmt: skip

    return home.record(home.artifacts.produce(calibration_recipe(corpus, scores, reference, drawing), build))


@task(name="ask anchors", cache_policy=NO_CACHE)
def ask_anchors(run: str, judge: JudgeConfig, regression: RegressionConfig) -> Path:
    """Ask the judge of a run about every case of the anchors and return the folder of its replies."""
    refuse_unaskable(judge)
    cases = derive_cases(read_anchors(regression.anchors))
    replies = read_replies(expand_home(judge.replies_file), cases) if judge.replies_file else None
    return ask_cases(RUNS[run], cases, replies)


@task(name="keep regression", cache_policy=NO_CACHE)
def keep_regression(run: str, replies: Path, regression: RegressionConfig) -> RegressionRun:
    """Keep what the replies show, beside the accepted run, and put it on the run's page."""
    cases = derive_cases(read_anchors(regression.anchors))
    kept = conclude_run(RUNS[run], cases, replies, regression, flow_run.get_id() or "")
    said = f"{kept.judge.alias} ({kept.judge.judge_id}), {kept.n_cases:,} cases of {kept.n_anchors:,} anchors"
    create_table_artifact(key="judge-relations", table=describe_relations(kept), description=f"Relations: {said}")
    create_table_artifact(key="judge-drift", table=describe_drift(kept), description=f"Drift: {said}")
    return kept


@task(name="drift gate", cache_policy=NO_CACHE)
def pass_drift_gate(
    run: str, judge: JudgeConfig, scoring: ScoringConfig, plan: Plan, regression: RegressionConfig
) -> None:
    """Ask the run's judge about the anchors before it is paid for a turn. Raises DriftError where it has drifted.

    Nothing is asked where that is not wanted, where nothing is left to be scored, and of a judge that cannot have
    drifted. Raises ArtifactError where no run of it is accepted; StoppedShortError where the budget ends with anchors.
    """
    if not scoring.drift_gate or not plan.n_turns:
        return
    home, identity = RUNS[run].home, RUNS[run].identity
    passed = find_pass(home.artifacts, judge, identity, home.settings.judge_base_url, regression)
    if passed:
        report_notice(passed)
        return
    try:
        kept = keep_regression.fn(run, ask_anchors.fn(run, judge, regression), regression)
    except StoppedShortError as error:
        raise tell_stopped(error, plan.n_turns) from None
    raise_faults(kept, before=f"None of the {plan.n_turns:,} turns was asked about.")


@task(name="choose turns to ask about", cache_policy=NO_CACHE)
def choose_round(run: str, corpus: list[ArtifactRef], scores: ArtifactRef, active: ActiveConfig, split: str) -> Round:
    """Return the turns to ask the run's judge about next; it is done where none of them is open."""
    scoring_run = RUNS[run]
    course = Course(scoring_run.home.artifacts, corpus, scores, active, split)
    chosen = plan_round(course, scoring_run.identity.judge_id)
    scoring_run.home.record(chosen.questions)
    return chosen


@task(name="conclude active scoring", cache_policy=NO_CACHE)
def conclude_active(
    run: str, corpus: list[ArtifactRef], scores: ArtifactRef, chosen: Round, active: ActiveConfig, split: str
) -> ArtifactRef:
    """Keep the scores of all turns, asked and guessed, and say on the run's page how good the guesses are."""
    scoring_run = RUNS[run]
    home = scoring_run.home
    made = home.record(conclude(Course(home.artifacts, corpus, scores, active, split), chosen.questions))
    delivered = deliver_scores(home, scoring_run.identity, made, corpus)
    facts = home.artifacts.read_manifest(made.uri)["facts"]
    rows = [{"what": what, "value": str(value)} for what, value in describe_active(facts)]
    create_table_artifact(key="active-scoring", table=rows, description=f"{scoring_run.identity.alias}: {made.uri}")
    if delivered.is_new:
        resource = home.describe_resource(f"empathy.judge.{delivered.judge_id}")
        emit_event(event="empathy.scores.updated", resource=resource, payload={"judge": delivered.alias})
    return home.record(delivered.scores)
