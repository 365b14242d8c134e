"""What the model commands print at their end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from tasks.schema import ArtifactRef


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
        Listing("Where", places),
    ]
    result = {
        "artifacts": {name: ref.model_dump() for name, ref in refs.items()},
        "subsets": {"counts": facts["counts"], "shares": facts["shares"]},
        "metrics": read_metric_rows(refs["evaluation"]),
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


def show_evaluation(ref: ArtifactRef, *, as_json: bool) -> None:
    """Print the comparison of systems."""
    from flows.terminal import show_result

    result = {**ref.model_dump(), "metrics": read_metric_rows(ref)}
    show_result(result, as_json=as_json, tables=[evaluation_table(ref)])


def evaluation_table(ref: ArtifactRef) -> Table:
    """Return the comparison as a table of values without their intervals, which the report has."""
    from flows.terminal import make_table
    from tasks.evaluation import make_table as make_evaluation_table
    from tasks.evaluation import read_metrics
    from tasks.home import open_home

    table = make_evaluation_table(read_metrics(open_home().artifacts.open(ref)))
    rows = [[system, *(cell.value for cell in cells)] for system, cells in table.rows]
    return make_table("Held-out dialogues", ["system", *table.headings], rows)


def read_metric_rows(ref: ArtifactRef) -> list[dict[str, Any]]:
    """Return the metrics of an evaluation as records."""
    from tasks.evaluation import read_metrics
    from tasks.home import open_home

    return read_metrics(open_home().artifacts.open(ref)).to_dicts()
