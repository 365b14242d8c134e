"""Selection as Prefect tasks."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.runtime import flow_run

from tasks.config import SelectionConfig
from tasks.home import open_home
from tasks.progress import report_progress, report_warning
from tasks.schema import ArtifactRef
from tasks.selection import EXCLUDED, SUBSETS, index_subsets, keep_run, materialize, pin_aids


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
        is_new = index_subsets(connection, manifest, judge_id)
    home.record(ref)
    home.artifacts.set_current("subsets", ref)
    run = keep_run(home.artifacts, ref, str(flow_run.id or ""))
    if run.warning:
        report_warning(run.warning)
    if is_new:
        emit_event(
            event="empathy.subsets.changed",
            resource={"prefect.resource.id": f"empathy.subsets.{ref.config_digest}"},
            payload={"uri": ref.uri, "counts": facts["counts"]},
        )
    create_table_artifact(
        key="subsets",
        table=[{"subset": name, "turns": facts["counts"][name], "share": facts["shares"].get(name)}
               for name in (*SUBSETS, EXCLUDED)],
        description=f"Rule {facts['rule']['label']}, split {split}; shares of the scored turns. {ref.uri}\n\n"
        f"{facts.get('target', {}).get('reason', '')}\n\n{run.warning}",
    )  # fmt: skip
    report_progress("select subsets", 1, 1)
    return ref
