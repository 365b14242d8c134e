"""From artifact references to the folders and facts that a report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config import ADAPTERS
from tasks.home import Home
from tasks.reporting.calls import CallDay, read_calls
from tasks.reporting.inputs import JudgeScores, ReportInputs, report_recipe
from tasks.reporting.judges.finding import find_calibrations, find_scores
from tasks.reporting.judges.notes import read_judge_notes
from tasks.reporting.write import write_report
from tasks.schema import ArtifactRef

if TYPE_CHECKING:
    from tasks.selection import SelectionRun


def make_report(
    home: Home,
    dialogues: Sequence[ArtifactRef],
    parts: Mapping[str, ArtifactRef],
    experts: Mapping[str, ArtifactRef],
    config: Mapping[str, Any],
    prefect_url: str = "",
    runs: Sequence[SelectionRun] | None = None,
) -> ArtifactRef:
    """Return the report of these artifacts, made if it does not exist.

    `parts` may hold scores, subsets, mixture and evaluation; what is absent is said in the report. It shows the runs
    given, else those that selected something else than the one before: repeating a run makes no new report.
    """
    from tasks.selection import drop_repeats, read_runs  # takes a second to import

    shown: Sequence[SelectionRun] = drop_repeats(read_runs(home.artifacts)) if runs is None else runs
    facts = home.artifacts.read_manifest(parts["scores"].uri)["facts"] if "scores" in parts else {}
    calls = read_judge_calls(home, facts["judge_id"]) if facts else ()
    judges, maps = find_scores(home, dialogues, parts.get("scores")), find_calibrations(home, dialogues)
    judge_notes = read_judge_notes(home.artifacts)
    others = [ref for ref in judges if ref != parts.get("scores")]
    lineage = [*dialogues, *parts.values(), *experts.values(), *others, *maps]

    def build(folder: Path) -> dict[str, Any]:
        opened = {name: home.artifacts.open(ref) for name, ref in parts.items()}
        inputs = ReportInputs(
            dialogues=[home.artifacts.open(ref) for ref in dialogues],
            experts={name: home.artifacts.open(ref) for name, ref in experts.items()},
            config=config,
            judge_alias=facts.get("alias", ""),
            lineage=lineage,
            prefect_url=prefect_url,
            calls=calls,
            runs=shown,
            judges=[open_scores(home, ref) for ref in judges],
            calibrations=[home.artifacts.open(ref) for ref in maps],
            judge_notes=judge_notes,
            scores=opened.get("scores"),
            subsets=opened.get("subsets"),
            mixture=opened.get("mixture"),
            evaluation=opened.get("evaluation"),
        )
        return write_report(inputs, folder)

    ref = home.artifacts.produce(report_recipe(config, lineage, shown, calls, judge_notes), build)
    home.artifacts.set_current("report", ref)
    return home.record(ref)


def open_scores(home: Home, ref: ArtifactRef) -> JudgeScores:
    """Open the scores of one judge."""
    facts = home.artifacts.read_manifest(ref.uri)["facts"]
    return JudgeScores(facts["judge_id"], facts["alias"], home.artifacts.open(ref))


def read_judge_calls(home: Home, judge_id: str) -> Sequence[CallDay]:
    """Return what the calls to a judge took, as far as this home's tables know it."""
    with home.store.transaction() as connection:
        return read_calls(connection, judge_id)


def make_newest_report(home: Home, corpus: Sequence[ArtifactRef]) -> ArtifactRef:
    """Return the report of what was made last: the current artifacts, and the corpus."""
    from tasks.reporting.belonging import is_of_subsets  # takes seconds: it reads rows, and so the stages of models
    from tasks.selection import read_runs

    names = ("subsets", "mixture", "evaluation")
    found = {name: home.artifacts.get_current(name) for name in names}
    parts = {name: ref for name, ref in found.items() if ref is not None}
    if "subsets" in parts:
        parents = home.artifacts.read_manifest(parts["subsets"].uri)["parents"]
        scores = next(ArtifactRef(**parent) for parent in parents if parent["kind"] == "scores")
        parts = {"scores": scores, **parts}
    elif (newest := find_newest_scores(home, corpus)) is not None:
        parts = {"scores": newest, **parts}
    trained = {name: home.artifacts.get_current(f"expert-{name}") for name in ADAPTERS}
    experts: dict[str, ArtifactRef] = {name: ref for name, ref in trained.items() if ref is not None}
    chosen = parts.get("subsets")
    if chosen is not None:  # models of other thresholds are not shown beside these
        parts = {
            name: ref
            for name, ref in parts.items()
            if name in ("scores", "subsets") or is_of_subsets(home, ref, chosen)
        }
        experts = {name: ref for name, ref in experts.items() if is_of_subsets(home, ref, chosen)}
    return make_report(home, corpus, parts, experts, {}, runs=read_runs(home.artifacts))


def find_newest_scores(home: Home, corpus: Sequence[ArtifactRef]) -> ArtifactRef | None:
    """Return the scores that a run made or found last for this corpus: what thresholds are chosen by looking at."""
    with home.store.transaction() as connection:
        rows = connection.execute(
            "SELECT kind, uri, sha256, n_rows, config_digest FROM artifacts "
            "WHERE kind = 'scores' AND list_sort([one FOR one IN parents IF one LIKE 'dialogues/%']) "
            "= list_sort($parents) ORDER BY noted_at DESC LIMIT 1",
            {"parents": [f"{ref.kind}/{ref.config_digest}" for ref in corpus]},
        ).fetchall()
    names = ("kind", "uri", "sha256", "n_rows", "config_digest")
    return ArtifactRef(**dict(zip(names, rows[0], strict=True))) if rows else None
