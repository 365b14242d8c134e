"""How selections change over time: the drift of the last run, the accepted selection, both in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.errors import UsageError

if TYPE_CHECKING:
    from flows.terminal import Listing
    from tasks.artifacts import ArtifactStore
    from tasks.schema import ArtifactRef
    from tasks.selection import SelectionRun


def read_last_run(subsets: ArtifactRef) -> dict[str, Any]:
    """Return, for machines, what the last run of a selection was compared with and what had changed."""
    from tasks.home import open_home
    from tasks.selection import read_runs

    run = next((run for run in reversed(read_runs(open_home().artifacts)) if run.subsets == subsets), None)
    return run.model_dump(include={"baseline", "agreement", "drift", "judge_change"}) if run else {}


def accept_selected(subsets: ArtifactRef | None = None, *, as_json: bool) -> dict[str, Any]:
    """Accept a selection, or the one that is selected now, for its split, and say so to people.

    Raises UsageError if nothing was selected yet, ArtifactError if it is gone.
    """
    from flows.terminal import Listing, show_result
    from tasks.home import open_home
    from tasks.selection import accept_selection, read_accepted, summarise

    artifacts = open_home().artifacts
    chosen = subsets or artifacts.get_current("subsets")
    if chosen is None:
        raise UsageError("Nothing has been selected yet.", do="run `empathy select` first")
    split = summarise(artifacts.read_manifest(chosen.uri)).split
    before = read_accepted(artifacts).get(split)
    rows: list[tuple[str, object]] = [("accepted", describe_subsets(artifacts, chosen))]
    if before is not None and before != chosen:
        rows.append(("instead of", describe_subsets(artifacts, before)))
    accept_selection(artifacts, chosen)
    if not as_json:
        title = f"Later selections from {split} are compared with this one"
        show_result({}, as_json=False, tables=[Listing(title, rows)])
    return {"accepted": chosen.model_dump(), "accepted_before": before.model_dump() if before else None}


def describe_selections(artifacts: ArtifactStore) -> tuple[dict[str, Any], Listing | None]:
    """Return what is selected, what is accepted of each split, and what the last run found, for machines and people."""
    from flows.terminal import Listing
    from tasks.selection import read_accepted, read_runs

    selected, accepted = artifacts.get_current("subsets"), read_accepted(artifacts)
    named = [("selected", selected), *((f"accepted, {split}", ref) for split, ref in accepted.items())]
    rows: list[tuple[str, object]] = [(name, describe_subsets(artifacts, ref)) for name, ref in named if ref]
    last: SelectionRun | None = next(iter(read_runs(artifacts, most=1)), None)
    changes = last.drift.changes if last and last.drift else ()
    if last and last.baseline and changes:
        rows.append(("drift", f"since {last.baseline}:"))
        rows += [("", change.said) for change in changes]
    if last and last.judge_change:
        rows.append(("judge", last.judge_change.said))
    result: dict[str, Any] = {
        "selected": selected.model_dump() if selected else None,
        "accepted": {split: ref.model_dump() for split, ref in accepted.items()},
        "drift": [change.model_dump() for change in changes],
        "judge_change": last.judge_change.model_dump() if last and last.judge_change else None,
    }
    return result, Listing("Selection", rows) if rows else None


def describe_subsets(artifacts: ArtifactStore, ref: ArtifactRef) -> str:
    """Return a selection as one line: digest, rule, split, size, time; the digest alone if it is gone."""
    from tasks.errors import ArtifactError
    from tasks.selection import summarise

    try:
        manifest = artifacts.read_manifest(ref.uri)
    except ArtifactError:
        return f"{ref.config_digest[:12]}, which is gone or damaged"
    summary = summarise(manifest)
    said = f"{ref.config_digest[:12]}  {summary.label}, {summary.split}, {ref.n_rows:,} turns"
    return f"{said}, made {manifest['made_at'][:16].replace('T', ' ')}"
