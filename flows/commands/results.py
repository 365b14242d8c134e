"""What the model commands print at their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from tasks.schema import ArtifactRef


def show_run(refs: Mapping[str, ArtifactRef], *, as_json: bool) -> None:
    """Print what the whole method came to: subsets, systems, the report, where the runs can be seen."""
    from flows.commands.data import read_facts
    from flows.server import find_server
    from flows.terminal import make_table, show_result
    from tasks.settings import Settings

    facts = read_facts(refs["subsets"].uri)
    server = find_server(Settings().home_dir)
    places = [("report", f"{refs['report'].uri}/report.html"), ("Prefect UI", server.url if server else "see PREFECT_API_URL")]
    subsets = [(name, facts["counts"][name], f"{facts['shares'][name]:.1%}") for name in facts["shares"]]
    tables = [
        make_table("Subsets", ["subset", "turns", "share"], subsets),
        evaluation_table(refs["evaluation"]),
        make_table("Where", ["", ""], places),
    ]
    result = {
        "artifacts": {name: ref.model_dump() for name, ref in refs.items()},
        "subsets": {"counts": facts["counts"], "shares": facts["shares"]},
        "metrics": read_metric_rows(refs["evaluation"]),
        **dict(places),
    }
    show_result(result, as_json=as_json, tables=tables)


def show_models(refs: Mapping[str, ArtifactRef], *, as_json: bool) -> None:
    """Print the trained models: rows, steps, last loss, where they are."""
    from flows.commands.data import read_facts
    from flows.terminal import make_table, show_result

    facts = {name: read_facts(ref.uri) for name, ref in refs.items()}
    rows = [
        (name, facts[name]["n_rows"], facts[name]["n_steps"], f"{facts[name]['final_loss']:.3f}", ref.config_digest[:12])
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
