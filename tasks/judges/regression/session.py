"""From a judge's replies to the record of a run, held to its bounds and to the run that was accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError, DriftError, StoppedShortError
from tasks.judges.regression.asking import end_run
from tasks.judges.regression.cases import Case
from tasks.judges.regression.config import MOST_UNSCORED, RegressionConfig
from tasks.judges.regression.drift import measure_drift
from tasks.judges.regression.record import RegressionRun, find_faults, find_out, name_judge, read_scores
from tasks.judges.regression.relations import check_relations
from tasks.judges.regression.runs import accept_run, keep_run, name_run, read_accepted_run
from tasks.judges.validation.places import expand_home
from tasks.progress import report_notice
from tasks.scoring import ASKED_AGAIN, FREE_KINDS, Answer, ScoringRun, read_answers

NEVER_ASKED = "not asked"


def conclude_run(
    run: ScoringRun, cases: Sequence[Case], folder: Path, config: RegressionConfig, flow_run_id: str = ""
) -> RegressionRun:
    """Read the replies in a folder, keep what they show as a run, and return it; accepted, if that was asked for.

    Raises StoppedShortError where too many cases have no score for want of an answer: nothing is kept then, and the
    next run asks for these cases only.
    """
    answers = read_answers(folder, run.identity)
    scores = read_scores(cases, answers)
    reasons = {case.turn.turn_key: find_reason(answers.get(case.turn.turn_key)) for case in cases}
    findings = find_out(cases, scores, reasons, config.tolerance)
    refuse_unanswered(findings.n_unscored, findings.n_cases)
    now = datetime.now(UTC)
    made = RegressionRun(
        **dict(findings), name=name_run(now, run.identity.judge_id, findings.anchors),
        made_at=now.isoformat(timespec="milliseconds"), flow_run_id=flow_run_id,
        journal=f"{run.identity.judge_id}/{folder.name}", judge=name_judge(run.identity),
        anchors_at=find_place(config),
        cost_usd=0.0 if run.identity.kind in FREE_KINDS else add_costs(answers),
    )  # fmt: skip
    made = hold_to_bounds(run.home.artifacts, made, config)
    keep_run(run.home.artifacts, made)
    if made.agreement is None and not made.is_accepted:
        report_notice(
            f"No run of the judge {made.judge.alias} over these anchors has been accepted: nothing to compare with. "
            "`empathy judge regress --last --accept` (with this judge) accepts this one."
        )
    if made.is_accepted:
        accept_run(run.home.artifacts, made)
    end_run(folder)
    return made


def find_place(config: RegressionConfig) -> str:
    """Return where the anchors are as another process finds them; nothing for those of this project."""
    return str(expand_home(config.anchors).absolute()) if config.anchors else ""


def hold_to_bounds(artifacts: ArtifactStore, run: RegressionRun, config: RegressionConfig) -> RegressionRun:
    """Return a run with what is wrong with it, by itself and beside the accepted one, if there is one."""
    accepted = find_accepted(artifacts, run, is_replaced=config.accept)
    agreement = measure_drift(run.scores, accepted.scores, accepted.name, accepted.made_at) if accepted else None
    drift = agreement.find_faults(config.min_agreement, config.max_shift) if agreement else []
    faults = find_faults(run, config)
    return run.model_copy(
        update={"agreement": agreement, "drift": tuple(drift), "faults": tuple(faults),
                "is_accepted": config.accept and not faults}
    )  # fmt: skip


def find_accepted(artifacts: ArtifactStore, run: RegressionRun, *, is_replaced: bool) -> RegressionRun | None:
    """Return the accepted run of a run's judge and anchors; one that is damaged stops all but its replacement."""
    try:
        return read_accepted_run(artifacts, run.judge.judge_id, run.anchors)
    except ArtifactError as error:
        if not is_replaced:
            raise
        report_notice(error.what)
        return None


def review_run(
    artifacts: ArtifactStore, run: RegressionRun, cases: Sequence[Case], config: RegressionConfig
) -> RegressionRun:
    """Return a run that was kept, held to other bounds; accepted, if that is asked for. Nobody is asked again."""
    relations = check_relations(cases, run.scores, config.tolerance)
    reviewed = run.model_copy(
        update={"tolerance": config.tolerance, "relations": relations, "anchors_at": find_place(config)}
    )
    reviewed = hold_to_bounds(artifacts, reviewed, config)
    if reviewed.is_accepted:
        accept_run(artifacts, reviewed)
        keep_run(artifacts, run.model_copy(update={"is_accepted": True}))  # what it was held to then stays
    return reviewed


def raise_faults(run: RegressionRun, before: str = "") -> None:
    """Raise DriftError where a run is not what it must be; a drift that was accepted is none.

    `before` says what was left undone for it.
    """
    drift = () if run.is_accepted else run.drift
    if not (run.faults or drift):
        return
    said = []
    if drift and run.agreement:
        said.append(
            f"The judge {run.judge.alias} no longer scores the anchors as in its accepted run of "
            f"{run.agreement.accepted_at[:10]}: {'; '.join(drift)}."
        )
    if run.faults:
        said.append(f"The judge {run.judge.alias} fails the anchors: {'; '.join(run.faults)}.")
    accept = "; `--last --accept` makes this run the normal one" if drift and not run.faults else ""
    raise DriftError(
        " ".join([*said, before]).rstrip(), where=f"regressions/{run.name}",
        do=f"`empathy judge regress --last --failures` (with this judge) shows the cases{accept}",
    )  # fmt: skip


def find_reason(answer: Answer | None) -> str:
    """Return why a turn has no score; nothing where it has one."""
    return NEVER_ASKED if answer is None else answer.reason or ""


def refuse_unanswered(n_unscored: Mapping[str, int], n_cases: int) -> None:
    """Raise StoppedShortError where more than a few cases have no score, and asking again may mend that."""
    transient = {reason: n for reason, n in n_unscored.items() if reason in (*ASKED_AGAIN, NEVER_ASKED)}
    if transient and sum(n_unscored.values()) > MOST_UNSCORED * n_cases:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in transient.items())
        raise StoppedShortError(
            f"{sum(transient.values()):,} of {n_cases:,} cases of the anchors got no answer: {reasons}.",
            do="run the same again: only these are asked",
        )


def add_costs(answers: Mapping[str, Answer]) -> float | None:
    """Return what calls cost, as far as that is known; None where nothing is."""
    costs = [answer.cost_usd for answer in answers.values() if answer.cost_usd is not None]
    return round(sum(costs), 9) if costs else None
