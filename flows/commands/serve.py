"""The command `serve`: one model of this home as an OpenAI-compatible endpoint."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, use_home

if TYPE_CHECKING:
    from pydantic import SecretStr

    from tasks.serving.running import Address


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    model: Annotated[
        str, typer.Argument(help="base, mixture, accepted, an adapter's name, or the folder of an artifact.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback a key is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 8000,
    api_key_env: Annotated[
        str | None, typer.Option(help="Variable that holds the key \\[default: EMPATHY_SERVE_API_KEY, if set].")
    ] = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="Ask for no key, whatever the address.")] = False,
    max_batch: Annotated[int, typer.Option(min=1, max=256, help="Responses generated together.")] = 16,
    max_waiting: Annotated[int, typer.Option(min=0, help="Requests that may wait; more are told 429.")] = 256,
    max_prompt_tokens: Annotated[int, typer.Option(min=1, help="Longest prompt.")] = 4096,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest response.")] = 512,
    request_timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds a request may take, waiting included.")
    ] = 120,
    shutdown_timeout: Annotated[float, typer.Option(min=0, help="Seconds that responses have after SIGTERM.")] = 30,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Serve a model at /v1/chat/completions, as OpenAI's API does, until Ctrl+C or SIGTERM."""
    from flows.terminal import Listing, say, show_result
    from tasks.home import open_home
    from tasks.serving import Limits, serve_model

    def say_ready(name: str, address: Address) -> None:
        ready = {"model": name, "url": address.url, "key": key is not None}
        show_result(ready, as_json=json, tables=[Listing("Serving", list(ready.items()))])
        sys.stdout.flush()  # whoever started this waits for the line

    use_home(home)
    place = open_home()
    key = find_key(place.settings.serve_api_key, api_key_env, no_key=no_key)
    limits = Limits(
        max_batch=max_batch,
        max_waiting=max_waiting,
        max_prompt_tokens=max_prompt_tokens,
        max_tokens=max_tokens,
        request_timeout_s=request_timeout,
        shutdown_timeout_s=shutdown_timeout,
    )
    log_requests()
    say(f"loading {model} …")
    serve_model(place, model, host, port, limits, key, say_ready, is_open=no_key)


def find_key(setting: SecretStr | None, variable: str | None, *, no_key: bool) -> SecretStr | None:
    """Return the key to ask for. Raises UsageError for a variable without one, or for a key and none at once."""
    from pydantic import SecretStr

    from tasks.errors import UsageError

    if no_key and variable:
        raise UsageError("--no-key and --api-key-env exclude each other.", do="leave one of them out")
    if no_key:
        return None
    if variable is None:
        return setting
    if not os.environ.get(variable, "").strip():
        raise UsageError(f"The variable {variable} holds no key.", where="--api-key-env", do=f"set {variable}")
    return SecretStr(os.environ[variable].strip())


def log_requests() -> None:
    """Show the server's lines, one a request, on the error stream."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s level=%(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    logger = logging.getLogger("empathy.serving")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
