"""Commands that only look: status, lineage, report. They need no server."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.commands.options import HomeOption, JsonOption, use_home
from tasks.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(lineage)
    app.command()(report)


def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what this home holds: dialogues, scores of each judge, artifacts, the server."""
    from flows.server import find_server
    from flows.terminal import Listing, make_table, show_result
    from tasks.home import open_home

    use_home(home)
    place = open_home()
    server = find_server(place.settings.home_dir)
    result: dict[str, Any] = {
        "home": str(place.settings.home_dir),
        "artifacts": place.settings.artifacts_url,
        "server": server.url if server else None,
    }
    tables: list[Any] = [Listing("Home", list(result.items()))]
    if place.settings.database.exists():
        for name, columns, query in STATUS_QUERIES:
            with place.store.transaction() as connection:
                rows = connection.execute(query).fetchall()
            result[name] = [dict(zip(columns, row, strict=True)) for row in rows]
            tables += [make_table(name.capitalize(), columns, rows)] if rows else []
    show_result(result, as_json=json, tables=tables)


STATUS_QUERIES = (
    (
        "dialogues",
        ("split", "dialogues", "turns"),
        "SELECT split, count(*), (SELECT count(*) FROM turns WHERE turns.split = dialogues.split) "
        "FROM dialogues GROUP BY split ORDER BY split",
    ),
    (
        "judges",
        ("judge", "id", "scored", "unscored"),
        "SELECT alias, judge_id, count(sensibility), count(unscored_reason) "
        "FROM judges LEFT JOIN scores USING (judge_id) GROUP BY ALL ORDER BY min(first_used_at)",
    ),
    (
        "calls",
        ("judge", "calls", "tokens in", "tokens out", "USD", "p50 s", "p95 s"),
        "SELECT alias, count(*), sum(tokens_in), sum(tokens_out), sum(cost_usd), "
        "round(quantile_cont(latency_s, 0.5), 3), round(quantile_cont(latency_s, 0.95), 3) "
        "FROM attempts JOIN judges USING (judge_id) GROUP BY alias ORDER BY alias",
    ),
    (
        "unscored",
        ("judge", "reason", "turns"),
        "SELECT alias, unscored_reason, count(*) FROM scores JOIN judges USING (judge_id) "
        "WHERE unscored_reason IS NOT NULL GROUP BY ALL ORDER BY ALL",
    ),
    (
        "artifacts",
        ("kind", "digest", "rows", "made"),
        "SELECT kind, config_digest[:12], n_rows, strftime(made_at, '%Y-%m-%d %H:%M') FROM artifacts ORDER BY made_at",
    ),
)


def lineage(
    artifact: Annotated[str, typer.Argument(help="Digest of an artifact (its beginning is enough), or its folder.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show everything that an artifact came from: data, judge, thresholds, experts."""
    from rich.console import Console
    from rich.tree import Tree

    from flows.terminal import errors, show_result
    from tasks.home import open_home

    use_home(home)
    place = open_home()
    uri = find_artifact(place, artifact)
    trail = trace(place, uri)
    if not json:
        tree = Tree(describe_node(trail))
        grow(tree, trail)
        Console(highlight=False).print(tree)
        errors.print(f"{uri}/manifest.json has every detail", style="dim", markup=False)
    show_result(trail, as_json=json)


def find_artifact(place: Any, artifact: str) -> str:
    """Return the folder of an artifact named by its folder, its digest, or the digest's beginning."""
    if "/" in artifact:
        return artifact
    with place.store.transaction() as connection:
        rows = connection.execute(
            "SELECT kind, config_digest, uri FROM artifacts WHERE starts_with(config_digest, ?)", [artifact]
        ).fetchall()
    if len(rows) == 1:
        return rows[0][2]
    if not rows:
        raise UsageError(f"No artifact's digest begins with {artifact!r}.", do="`empathy status` lists them")
    listing = "; ".join(f"{kind} {digest}" for kind, digest, _ in rows)
    raise UsageError(f"Several artifacts begin with {artifact!r}: {listing}.", do="give more of the digest")


def trace(place: Any, uri: str) -> dict[str, Any]:
    """Return an artifact's own facts and, nested, those of everything it came from."""
    manifest = place.artifacts.read_manifest(uri)
    return {
        "kind": manifest["kind"],
        "digest": manifest["digest"],
        "uri": uri,
        "made_at": manifest["made_at"],
        "config": manifest["config"],
        "inputs": manifest["inputs"],
        "facts": manifest["facts"],
        "parents": [trace(place, parent["uri"]) for parent in manifest["parents"]],
    }


def describe_node(node: dict[str, Any]) -> str:
    """Return an artifact as one line: what it is, its digest, and what tells it from others of its kind."""
    telling = ("name", "rule", "sensibility_threshold", "rationality_threshold", "split", "alias", "system", "train")
    said = [f"{key}={node['config'][key]}" for key in telling if node["config"].get(key) not in (None, "")]
    said += [f"{key}={value}" for key, value in node["inputs"].items() if key == "base"]
    source = [f"source={node['facts']['source']}"] if "source" in node["facts"] else []
    rows = f"{node['facts'].get('n_rows', 0):,} rows"
    return f"{node['kind']} {node['digest'][:12]}  {rows}  {' '.join([*said, *source])}  {node['made_at'][:19]}"


def grow(tree: Any, node: dict[str, Any]) -> None:
    """Hang a node's parents under it."""
    for parent in node["parents"]:
        grow(tree.add(describe_node(parent)), parent)


def report(
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the HTML report of the newest artifacts of this home and say where it is."""
    from flows.terminal import Listing, show_progress, show_result
    from tasks.home import open_home
    from tasks.reporting import make_newest_report

    use_home(home)
    place = open_home()
    with show_progress(is_quiet=json):
        ref = make_newest_report(place, place.list_corpus())
    path = f"{ref.uri}/report.html"
    show_result({**ref.model_dump(), "report": path}, as_json=json, tables=[Listing("Report", [("file", path)])])
    if open_it:
        typer.launch(path)
