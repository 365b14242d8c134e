"""How a command runs its flow: against the API that Prefect's settings name, else the home's background server."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from flows.access import GIVEN, find_access
from flows.json_log import is_json
from flows.server import QUIET, ensure_server
from tasks.errors import ConfigError
from tasks.settings import Settings

# Prefect reads these at import. The run's page in the UI has every log line; a person at the terminal
# reads our progress and our errors, so Prefect's console is quiet unless `--verbose` asks for it.
ENVIRONMENT = {
    **QUIET,
    "PREFECT_LOGGING_EXTRA_LOGGERS": "empathy",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def run_flow(name: str, say: Callable[[str], None], *, is_verbose: bool = False, **parameters: Any) -> Any:
    """Import the flow `flows.<name>.<name>` and run it here, with its runs recorded by the server.

    Raises whatever the flow raises.
    """
    with prefect_api(say, is_verbose=is_verbose):
        flow = getattr(import_module(f"flows.{name}"), name)
        return flow(**parameters)


@contextmanager
def prefect_api(say: Callable[[str], None], *, is_verbose: bool = False, host: str | None = None) -> Iterator[str]:
    """Make an API the one that flows talk to, and yield its address; `host` is what a server of the home is to bind.

    Raises ConfigError where an address or a login does not fit.
    """
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    if is_json():  # what `--verbose` shows of Prefect's own lines, and what workers started from here write
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER", "json")
    if not is_verbose:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    logging.getLogger("empathy").setLevel(logging.INFO)
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, get_current_settings, temporary_settings

    named = get_current_settings().api.url
    if named:
        if host is not None:
            raise ConfigError("Commands use another API, and start no server.", where=f"--host {host}; API {named}")
        say(f"Prefect API: {named}")
        yield named
        return
    access = find_access(host)
    server = ensure_server(Settings().home_dir, say, access)
    say(f"Prefect UI: {server.url}")
    if access.given:
        os.environ[GIVEN] = access.given  # for workers and Prefect's own commands that are started from here
    with temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: access.given or None}):
        yield server.api_url
