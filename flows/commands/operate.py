"""Commands that operate the machine: up, down, deploy, rebuild."""

from __future__ import annotations

import typer

from flows.commands.options import HomeOption, JsonOption, VerboseOption, use_home


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(deploy)
    app.command()(rebuild)


def up(
    worker: bool = typer.Option(False, "--worker", help="Also start a process worker for the pool 'cpu'."),
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Start the background Prefect server."""
    from flows.runtime import prefect_api
    from flows.server import ensure_worker
    from flows.terminal import Listing, say, show_result
    from tasks.settings import Settings

    use_home(home)
    with prefect_api(say) as api_url:
        result: dict[str, object] = {"url": api_url.removesuffix("/api"), "api_url": api_url}
        if worker:
            result["worker_pid"] = ensure_worker(Settings().home_dir, api_url, "cpu")
    show_result(result, as_json=json, tables=[Listing("Prefect is up", list(result.items()))])


def down(home: HomeOption = None, json: JsonOption = False) -> None:
    """Stop the background Prefect server and workers of this home."""
    from flows.server import stop_server
    from flows.terminal import say, show_result
    from tasks.settings import Settings

    use_home(home)
    stopped = stop_server(Settings().home_dir)
    say(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
    show_result({"stopped": stopped}, as_json=json)


def deploy(home: HomeOption = None, json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Create or update work pools and deployments on the running server; safe to repeat."""
    from flows.deploy import deploy_all
    from flows.runtime import prefect_api
    from flows.terminal import make_table, say, show_result

    use_home(home)
    with prefect_api(say, is_verbose=verbose) as api_url:
        names = deploy_all(api_url)
    table = make_table(f"Deployed to {api_url}", ["deployment"], [(name,) for name in names])
    show_result({"api_url": api_url, "deployments": names}, as_json=json, tables=[table])


def rebuild(home: HomeOption = None, json: JsonOption = False) -> None:
    """Make the database anew from journal and artifacts; the old file is kept beside it."""
    from flows.rebuild_database import rebuild_database
    from flows.terminal import make_table, say, show_progress, show_result
    from tasks.home import open_home

    use_home(home)
    with show_progress(is_quiet=json):
        counts = rebuild_database(open_home(), say)
    show_result(counts, as_json=json, tables=[make_table("Rebuilt", ["table", "rows"], list(counts.items()))])
