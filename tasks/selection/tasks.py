"""Selection as Prefect tasks."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.runtime import flow_run

from tasks.config import SelectionConfig, SweepConfig
from tasks.home import open_home
from tasks.progress import report_progress, report_warning
from tasks.schema import ArtifactRef
from tasks.selection import (
    EXCLUDED,
    SUBSETS,
    SweepPoint,
    find_chosen,
    index_subsets,
    keep_run,
    materialize,
    pin_aids,
    put_in_force,
    sweep_selections,
    write_page,
)


@task(name="select subsets", cache_policy=NO_CACHE)
def materialize_subsets(corpus: list[ArtifactRef], scores: ArtifactRef, selection: SelectionConfig) -> ArtifactRef:
    """Write the subsets as an artifact, note them in the tables and on the run's page."""
    home = open_home()
    report_progress("select subsets", 0, 1)
    ref = materialize(home.artifacts, corpus, scores, pin_aids(home, corpus, selection))
    manifest = home.artifacts.read_manifest(ref.uri)
    facts, split = manifest["facts"], manifest["config"]["split"]
    judge_id = home.artifacts.read_manifest(scores.uri)["facts"]["judge_id"]
    with home.store.transaction() as connection:
        index_subsets(connection, manifest, judge_id)
    home.record(ref)
    is_changed = put_in_force(home.artifacts, ref, split)
    run = keep_run(home.artifacts, ref, str(flow_run.id or ""))
    if run.warning:
        report_warning(run.warning)
    if is_changed:
        emit_event(
            event="empathy.subsets.changed",
            resource=home.describe_resource(f"empathy.subsets.{ref.config_digest}", split=split),
            payload={"uri": ref.uri, "split": split, "counts": facts["counts"]},
        )
    create_table_artifact(
        key="subsets",
        table=[{"subset": name, "turns": facts["counts"][name], "share": facts["shares"].get(name)}
               for name in (*SUBSETS, EXCLUDED)],
        description=f"Rule {facts['rule']['label']}, split {split}; shares of the scored turns. {ref.uri}\n\n"
        f"{facts.get('target', {}).get('reason', '')}\n\n{run.warning}",
    )  # fmt: skip
    create_markdown_artifact(key="selection", markdown=write_page(manifest, run, ref.uri), description=ref.uri)
    report_progress("select subsets", 1, 1)
    return ref


@task(name="sweep thresholds", cache_policy=NO_CACHE)
def count_sweep(corpus: list[ArtifactRef], scores: ArtifactRef, sweep: SweepConfig) -> list[dict[str, Any]]:
    """Count what every selection of the sweep would give and put the table on the run's page; nothing is selected."""
    home = open_home()
    chosen = find_chosen(home.artifacts, scores)
    points = sweep_selections(home.artifacts, corpus, scores, sweep.grid, chosen)
    rows = [tabulate_point(point) for point in points]
    create_table_artifact(
        key="sweep", table=rows,
        description=f"Shares of {points[0].n_scored:,} scored turns; Jaccard with {chosen.label}. A row a selection.",
    )  # fmt: skip
    return rows


def tabulate_point(point: SweepPoint) -> dict[str, Any]:
    """Return one selection of a sweep as a row: sizes, shares in percent, and overlap with the chosen one."""
    selection, found = point.selection, point.subsets
    row: dict[str, Any] = {"rule": selection.rule, "threshold": selection.sensibility_threshold}
    for name in SUBSETS:
        row |= {f"{name} turns": found[name].n, f"{name} %": round(100 * found[name].share, 2)}
    return row | {f"{name} Jaccard": found[name].jaccard for name in SUBSETS if name != "discard"}
