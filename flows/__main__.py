"""The command line `empathy`. Every command that changes something runs the flow of the same meaning."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Literal

import typer
from typer._click.exceptions import ClickException  # usage errors, in the click that typer carries

from flows.commands import accepted, data, export, judge, look, models, operate, score, select, serve, sweep, upkeep
from tasks.errors import EmpathyError, UsageError

INTERRUPTED = "Interrupted. What was finished is kept: run the same command again to go on."

app = typer.Typer(
    name="empathy",
    help="Empathetic language models from fewer, better dialogues: score, select, train two experts, route them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for group in (data, score, select, sweep, models, export, serve, look, operate, upkeep):
    group.register(app)
app.add_typer(judge.app, name="judge")
app.add_typer(accepted.app, name="models")


def set_log_format(value: str | None) -> str | None:
    """Choose how progress is told, in this process and in those it starts, before the rest is looked at."""
    if value is not None:
        os.environ["EMPATHY_LOG_FORMAT"] = value
    return value


@app.callback()
def configure(
    log_format: Annotated[
        Literal["text", "json"] | None,
        typer.Option(
            "--log-format",
            help="How progress is told on stderr \\[default: EMPATHY_LOG_FORMAT or text].",
            callback=set_log_format,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Take what holds for every command."""


def main() -> None:
    """Run a command; an error becomes one clear message and the documented exit code."""
    message, exit_code = run_app()
    if message:
        from flows.terminal import complain

        complain(message)
        gc.collect()  # the error's frames are gone: so may be the connections that they held
    sys.exit(exit_code)


def run_app() -> tuple[str, int]:
    """Run the command and return what to tell the person, and the exit code."""
    try:
        check_arguments(sys.argv)
        exit_code = app(standalone_mode=False)  # typer catches an interrupt itself, and returns its code
    except EmpathyError as error:
        forget_frames(error)
        return str(error), error.exit_code
    except typer.Exit as error:
        return "", error.exit_code
    except ClickException as error:
        from flows.json_log import is_json
        from flows.terminal import tidy

        error.message = tidy(error.message)
        if is_json():
            return error.format_message(), error.exit_code
        error.show()
        return "", error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED, 130
    except Exception as error:  # noqa: BLE001 - the last line of defence before a person
        return describe_unexpected(error)
    return (INTERRUPTED, 130) if exit_code == 130 else ("", exit_code or 0)


def check_arguments(arguments: Sequence[str]) -> None:
    """Raise UsageError for bytes that are no text: nothing that we keep could hold them."""
    for argument in arguments:
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in argument):
            raise UsageError(f"The argument {argument[:80]!r} is not text in UTF-8.", do="rename it, or write it anew")


def describe_unexpected(error: Exception) -> tuple[str, int]:
    """Tell ordinary accidents of the machine from faults of ours, whose traceback is kept for a report."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        from tasks.config import describe_errors

        return f"A parameter is wrong: {describe_errors(error)}", 2
    if type(error).__name__ == "ParameterTypeError":  # Prefect's, of a flow's own parameters
        return f"A parameter is wrong: {error}", 2
    if isinstance(error, OSError) or type(error).__name__ == "IOException":  # DuckDB's, for a full disk
        file = getattr(error, "filename", None)
        place = f"\n  where: {file}" if file else ""
        said = getattr(error, "strerror", None) or str(error).splitlines()[0]
        return f"The system refused: {said}{place}\n  do:    mend it, then run the same again", 1
    if "--verbose" in sys.argv or "-v" in sys.argv:
        raise error
    from tasks.settings import Settings

    report = Settings().home_dir / "last-error.txt"
    with contextlib.suppress(OSError):
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    forget_frames(error)
    return f"Something unexpected happened: {type(error).__name__}: {error}\n  where: {report} has the details", 1


def forget_frames(error: BaseException | None) -> None:
    """Drop the tracebacks of an error and of what led to it: their frames hold connections open."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    main()
