"""What the model commands print at their end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from flows.commands.judges_of_responses import judgement_tables, read_judgements
from tasks.schema import ArtifactRef

if TYPE_CHECKING:
    import polars as pl

    from flows.terminal import Listing


def show_run(refs: Mapping[str, ArtifactRef], *, as_json: bool) -> None:
    """Print what the whole method came to: subsets, systems, the report, where the runs can be seen."""
    from flows.commands.data import read_facts
    from flows.terminal import Listing, make_table, show_result

    facts = read_facts(refs["subsets"].uri)
    places = [("report", f"{refs['report'].uri}/report.html"), ("Prefect UI", find_ui())]
    subsets = [(name, facts["counts"][name], f"{facts['shares'][name]:.1%}") for name in facts["shares"]]
    tables: list[Table | Listing] = [
        make_table("Subsets", ["subset", "turns", "share"], subsets),
        evaluation_table(refs["evaluation"]),
        *judgement_tables(refs["evaluation"]),
        *paired_tables(refs["evaluation"]),
        Listing("Where", places),
    ]
    result = {
        "artifacts": {name: ref.model_dump() for name, ref in refs.items()},
        "subsets": {"counts": facts["counts"], "shares": facts["shares"]},
        "metrics": read_metric_rows(refs["evaluation"]),
        "comparisons": read_paired(refs["evaluation"]).to_dicts(),
        **read_judgements(refs["evaluation"]),
        **dict(places),
    }
    show_result(result, as_json=as_json, tables=tables)


def find_ui() -> str:
    """Return the address of the Prefect UI that the last flow of this process was recorded by."""
    from flows.server import find_server
    from tasks.settings import Settings

    server = find_server(Settings().home_dir)
    named = os.environ.get("PREFECT_API_URL", "").removesuffix("/api")
    return named or (server.url if server else "as Prefect's profile says")


def show_models(refs: Mapping[str, ArtifactRef], *, as_json: bool) -> None:
    """Print the trained models: rows, steps, last loss, where they are."""
    from flows.commands.data import read_facts
    from flows.terminal import make_table, show_result

    facts = {name: read_facts(ref.uri) for name, ref in refs.items()}
    rows = [
        (name, facts[name]["n_rows"], facts[name]["n_steps"], f"{facts[name]['last_loss']:.3f}", ref.config_digest[:12])
        for name, ref in refs.items()
    ]
    table = make_table("Models", ["model", "turns", "steps", "last loss", "digest"], rows)
    result = {name: {**ref.model_dump(), "facts": facts[name]} for name, ref in refs.items()}
    show_result(result, as_json=as_json, tables=[table])


def show_evaluation(ref: ArtifactRef, *, as_json: bool, gate: Mapping[str, Any] | None = None) -> None:
    """Print the comparison of systems, and what the gate said of the mixture if it was asked."""
    from flows.terminal import Listing, show_result
    from tasks.evaluation import list_missing_controls

    result = {
        **ref.model_dump(),
        "metrics": read_metric_rows(ref),
        "comparisons": read_paired(ref).to_dicts(),
        "missing_controls": list(list_missing_controls(list_systems(ref))),
        **read_judgements(ref),
        **({"gate": gate} if gate else {}),
    }
    tables = [evaluation_table(ref), *judgement_tables(ref), *paired_tables(ref)]
    if gate:
        tables.append(Listing("Gate", describe_gate(gate)))
    show_result(result, as_json=as_json, tables=tables)


def describe_gate(gate: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return what the gate said, and which mixture is accepted because of it."""
    rows: list[tuple[str, object]] = [("passed" if gate["is_passed"] else "failed", gate["said"])]
    return rows + ([("accepted", gate["mixture"]["config_digest"])] if gate.get("is_promoted") else [])


def paired_tables(ref: ArtifactRef) -> list[Table | Listing]:
    """Return the differences between systems as a table, and what the comparison lacks: either may be nothing."""
    from flows.terminal import Listing, make_table
    from tasks.evaluation import UNJUDGED, make_comparison_table, tell_missing_controls

    comparisons, missing = read_paired(ref), tell_missing_controls(list_systems(ref))
    table = make_comparison_table(comparisons, UNJUDGED)
    rows = [[pair, *(cell.value for cell in cells)] for pair, cells in table.rows]
    differences = make_table("Differences (*: p < 0.05, paired, Holm)", ["pair", *table.headings], rows)
    return [*([differences] if rows else []), *([Listing("Missing controls", [("note", missing)])] if missing else [])]


def evaluation_table(ref: ArtifactRef) -> Table:
    """Return the comparison as a table of values without their intervals, which the report has."""
    from flows.terminal import make_table
    from tasks.evaluation import UNJUDGED, read_metrics
    from tasks.evaluation import make_table as make_evaluation_table
    from tasks.home import open_home

    table = make_evaluation_table(read_metrics(open_home().artifacts.open(ref)), UNJUDGED)
    rows = [[system, *(cell.value for cell in cells)] for system, cells in table.rows]
    return make_table("Held-out dialogues", ["system", *table.headings], rows)


def read_paired(ref: ArtifactRef) -> pl.DataFrame:
    """Return the paired tests of an evaluation."""
    from tasks.evaluation import read_comparisons
    from tasks.home import open_home

    return read_comparisons(open_home().artifacts.open(ref))


def list_systems(ref: ArtifactRef) -> list[str]:
    """Return the systems of an evaluation."""
    return list(dict.fromkeys(row["system"] for row in read_metric_rows(ref)))


def read_metric_rows(ref: ArtifactRef) -> list[dict[str, Any]]:
    """Return the metrics of an evaluation as records."""
    from tasks.evaluation import read_metrics
    from tasks.home import open_home

    return read_metrics(open_home().artifacts.open(ref)).to_dicts()
