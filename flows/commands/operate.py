"""Commands that operate the machine: up, down, deploy, rebuild."""

from __future__ import annotations

from typing import Annotated, Literal

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
    host: Annotated[
        str | None,
        typer.Option(
            help="Address that the server binds; one beyond this machine needs PREFECT_SERVER_API_AUTH_STRING "
            "\\[default: 127.0.0.1].",
        ),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Start the background Prefect server."""
    from flows.runtime import prefect_api
    from flows.server import ensure_worker
    from flows.terminal import Listing, say, show_result
    from tasks.settings import Settings

    use_home(home)
    with prefect_api(say, host=host) as api_url:
        result: dict[str, object] = {"url": api_url.removesuffix("/api"), "api_url": api_url}
        if worker:
            from flows.deploy import make_pool  # imports Prefect, which reads its settings then

            make_pool("cpu")
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


def deploy(
    pool: Annotated[
        Literal["process", "docker", "kubernetes"] | None,
        typer.Option(help="What runs the work \\[default: what the pools are of, else process]."),
    ] = None,
    auto_retrain: Annotated[
        bool | None,
        typer.Option(
            "--auto-retrain/--no-auto-retrain",
            help="Whether other subsets start a training \\[default: as it is; off].",
        ),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Create or update work pools, deployments and automations on the running server; safe to repeat."""
    from flows.doctor.http import hide_secrets
    from flows.runtime import prefect_api
    from flows.terminal import make_table, say, show_result
    from tasks.settings import Settings

    use_home(home)
    with prefect_api((lambda _: None) if json else say, is_verbose=verbose) as api_url:
        from flows.deploy import deploy_all  # imports Prefect, which reads its settings then

        applied = deploy_all(api_url, pool, auto_retrain)
    rows = [(one.name, one.kind, one.state, one.note) for one in applied]
    store = hide_secrets(Settings().artifacts_url)
    table = make_table(
        f"Deployed to {api_url}; automations follow the store {store}", ["name", "", "state", "note"], rows
    )
    names = [one.name for one in applied if one.kind == "deployment" and one.state != "left over"]
    result = {"api_url": api_url, "deployments": names, "applied": [one._asdict() for one in applied]}
    show_result(result, as_json=json, tables=[table])


def rebuild(home: HomeOption = None, json: JsonOption = False) -> None:
    """Make the database anew from journal and artifacts; the old file is kept beside it."""
    from flows.rebuild_database import rebuild_database
    from flows.terminal import make_table, say, show_progress, show_result, warn
    from tasks.home import open_home

    use_home(home)
    with show_progress(is_quiet=json):
        counts, passed_over = rebuild_database(open_home(), say)
    for line in passed_over:
        warn(f"passed over {line}")
    table = make_table("Rebuilt", ["table", "rows"], list(counts.items()))
    show_result({**counts, "passed_over": passed_over}, as_json=json, tables=[table])
