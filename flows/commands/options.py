"""The options that every command has, and how a command runs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from tasks.bounded import check_place
from tasks.errors import UsageError

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder of database, journal and caches \\[default: EMPATHY_HOME or ~/.efficient-empathy]."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show every log line, tracebacks too.")]


def use_home(home: Path | None) -> None:
    """Make `--home` the home of this process and of every process it starts."""
    if home is not None:
        os.environ["EMPATHY_HOME"] = check_place(str(find_home(home)), "--home")


def repeat_home(home: Path | None) -> str:
    """Return `--home` as a next step that is printed must have it: as it was given, nothing if it was not."""
    return "" if home is None else f" --home {shlex.quote(str(home))}"


def find_home(home: Path) -> Path:
    """Return the folder that `--home` names. Raises UsageError for the home of a user that there is not."""
    try:
        return home.expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(f"--home cannot be {str(home)[:80]!r}.", do="give a folder") from error


def run_command(flow: str, *, as_json: bool, verbose: bool, **parameters: Any) -> Any:
    """Run a command's flow with its progress drawn, and return the flow's result."""
    from flows.runtime import run_flow
    from flows.terminal import say, show_progress

    with show_progress(is_quiet=as_json):
        return run_flow(flow, (lambda _: None) if as_json else say, is_verbose=verbose, **parameters)


def drop_unset(**values: Any) -> dict[str, Any]:
    """Return the options a person gave, so that a profile's value stands where none was."""
    refuse_empty(**values)
    return {name: value for name, value in values.items() if value is not None}


def refuse_empty(**values: Any) -> None:
    """Raise UsageError for an empty text: a variable of the shell that is not set is no choice."""
    for name, value in values.items():
        if value == "":
            raise UsageError(f"--{name.replace('_', '-')} is empty.", do="give a value, or leave the option out")
