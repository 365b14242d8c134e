"""Commands that only look: status, lineage, report. They need no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import HomeOption, JsonOption, use_home
from tasks.bounded import check_place, make_visible
from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.scoring.ledger.usage import JudgeUsage


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(lineage)
    app.command()(report)


def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what this home holds: dialogues, each judge's scores, calls and cost, artifacts, the server."""
    from flows.commands.monitoring import describe_selections
    from flows.server import find_server
    from flows.terminal import Listing, make_table, show_result
    from tasks.home import open_home
    from tasks.scoring.ledger.usage import read_usage

    use_home(home)
    place = open_home()
    server = find_server(place.settings.home_dir)
    result: dict[str, Any] = {
        "home": str(place.settings.home_dir),
        "artifacts_url": place.settings.artifacts_url,
        "server": server.url if server else None,
    }
    tables: list[Any] = [Listing("Home", list(result.items()))]
    if place.settings.database.exists():
        with place.store.transaction() as connection:
            usage = read_usage(connection)
            found = {name: connection.execute(query).fetchall() for name, (_, query) in STATUS_QUERIES.items()}
        shown: dict[str, list[Any]] = {}
        for name, (columns, _) in STATUS_QUERIES.items():
            result[name] = [dict(zip(columns, row, strict=True)) for row in found[name]]
            shown[name] = [make_table(name.capitalize(), columns, found[name])] if found[name] else []
        result["judges"] = [judge.model_dump() for judge in usage]
        judges = [Listing(f"Judge {judge.judge}", describe_usage(judge)) for judge in usage]
        result["selection"], chosen = describe_selections(place.artifacts)
        tables += [*shown["dialogues"], *judges, *([chosen] if chosen else []), *shown["artifacts"]]
    show_result(result, as_json=json, tables=tables)


STATUS_QUERIES = {
    "dialogues": (
        ("split", "dialogues", "turns"),
        "SELECT split, count(*), (SELECT count(*) FROM turns WHERE turns.split = dialogues.split) "
        "FROM dialogues GROUP BY split ORDER BY split",
    ),
    "artifacts": (
        ("kind", "digest", "rows", "made"),
        "SELECT kind, config_digest[:12], n_rows, strftime(made_at, '%Y-%m-%d %H:%M') FROM artifacts ORDER BY made_at",
    ),
}


def describe_usage(usage: JudgeUsage) -> list[tuple[str, object]]:
    """Return what a judge did, a line each: what there is none of is not said."""
    lines: list[tuple[str, object]] = [("id", usage.judge_id), ("scored", usage.n_scored)]
    if usage.n_responses_scored:
        lines.append(("responses scored", usage.n_responses_scored))
    if usage.unscored:
        lines.append(("unscored", count_by_name(usage.n_unscored, usage.unscored)))
    lines.append(("calls", usage.n_calls))
    if usage.failed_calls:
        lines.append(("failed", count_by_name(usage.n_failed, usage.failed_calls)))
    if usage.tokens_in is not None:
        cached = f" ({usage.tokens_cached:,} of them cached)" if usage.tokens_cached else ""
        lines.append(("tokens", f"{usage.tokens_in:,} in{cached}, {usage.tokens_out or 0:,} out"))
    lines.append(("cost", describe_cost(usage)))
    if usage.latency_p50_s is not None:
        lines.append(("latency", f"{usage.latency_p50_s:g} s (p50), {usage.latency_p95_s:g} s (p95)"))
    answered = [f"{v.model} {v.system_fingerprint or ''}".strip() + f" ({v.n_calls:,})" for v in usage.versions]
    return lines + [("" if number else "answered", version) for number, version in enumerate(answered)]


def count_by_name(total: int, counts: dict[str, int]) -> str:
    """Return a total and its parts, the largest first."""
    parts = sorted(counts.items(), key=lambda part: -part[1])
    return f"{total:,}: " + ", ".join(f"{name} {n:,}" for name, n in parts)


def describe_cost(usage: JudgeUsage) -> str:
    """Return a judge's cost, and of how many calls it is known: an unknown price is never 0."""
    if usage.cost_usd is None:
        return "not known" if usage.n_calls else "none"
    cost = f"{usage.cost_usd:,.4f} USD" if usage.cost_usd else "0 USD"
    if usage.n_calls_priced == usage.n_calls:
        return cost
    return f"{cost}, known of {usage.n_calls_priced:,} of {usage.n_calls:,} calls"


def lineage(
    artifact: Annotated[str, typer.Argument(help="Digest of an artifact (its beginning is enough), or its folder.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show everything that an artifact came from: data, judge, thresholds, experts."""
    from rich.console import Console
    from rich.tree import Tree

    from flows.terminal import say, show_result
    from tasks.home import open_home

    use_home(home)
    place = open_home()
    uri = find_artifact(place, artifact)
    trail = trace(place, uri)
    if not json:
        tree = Tree(describe_node(trail))
        grow(tree, trail)
        Console(highlight=False, markup=False).print(tree)
        say(f"{uri}/manifest.json has every detail")
    show_result(trail, as_json=json)


def find_artifact(place: Any, artifact: str) -> str:
    """Return the folder of an artifact named by its folder, its digest, or the digest's beginning."""
    check_place(artifact, "ARTIFACT")
    if "/" in artifact:
        if not place.artifacts.holds(artifact):
            raise UsageError(f"There is no artifact in {artifact[:200]!r}.", do="`empathy status` lists them")
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
    if not place.artifacts.holds(uri):  # a report is removed with a dialogue that is forgotten; people remove the rest
        kind, digest = uri.rsplit("/", 2)[-2:]
        gone: dict[str, Any] = {"config": {}, "inputs": {}, "facts": {}, "parents": []}
        return {"kind": kind, "digest": digest, "uri": uri, "made_at": "removed", **gone}
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
    if n_forgotten := node["facts"].get("forgotten"):
        said.append(f"({n_forgotten} dialogues forgotten)")
    rows = f"{node['facts'].get('n_rows', 0):,} rows"
    line = f"{node['kind']} {node['digest'][:12]}  {rows}  {' '.join([*said, *source])}  {node['made_at'][:19]}"
    return make_visible(line)


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
