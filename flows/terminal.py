"""What a person sees: progress and messages on stderr, results on stdout as a table or as JSON."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.table import Table

from flows.json_log import JsonHandler, is_json, write_event
from tasks.bounded import make_visible

PLAIN_LINE_EVERY_S = 5.0
MOST_COLUMNS = 500
"""Of one line of an error."""
MOST_TOLD = 20_000
"""Signs of an error's text in a line of JSON."""

errors = Console(stderr=True, highlight=False, markup=False)


def say(message: str) -> None:
    """Tell the person what is going on."""
    if is_json():
        write_event("message", text=message)
        return
    errors.print(make_visible(message), style="dim", soft_wrap=True)


def complain(message: str) -> None:
    """Tell the person what went wrong."""
    if is_json():
        write_event("error", "error", text=message[:MOST_TOLD])
        return
    errors.print("Error:", style="bold red", end=" ")
    errors.print(tidy(message), soft_wrap=True)


def tidy(message: str) -> str:
    """Return a message that may repeat what was typed without its control characters, and not without end."""
    lines = (line if len(line) <= MOST_COLUMNS else f"{line[:MOST_COLUMNS]}…" for line in message.split("\n"))
    return make_visible("\n".join(lines))


def warn(text: str) -> None:
    """Tell the person what to look at before they go on."""
    if is_json():
        write_event("warning", "warning", text=text)
        return
    errors.print("Warning:", style="bold yellow", end=" ")
    errors.print(make_visible(text), style="yellow", soft_wrap=True)


def show_result(result: Mapping[str, Any], *, as_json: bool, tables: Sequence[Table | Listing] = ()) -> None:
    """Print a command's result on stdout: for machines as one JSON object, for people as tables."""
    if as_json:
        print(json.dumps(result, ensure_ascii=False, default=str))
        return
    console = Console(highlight=False, markup=False)  # a cell may hold brackets
    for table in tables:
        if isinstance(table, Listing):
            print_listing(console, table)
            continue
        title, table.title = table.title, None  # a title of the table's own would be wrapped to its width
        console.print(make_visible(str(title)), style="bold", soft_wrap=True)
        natural = Console(width=WIDEST).measure(table).maximum
        # in a pipe or a small window a line that wraps is read; a figure that was cut is lost
        Console(highlight=False, markup=False, width=max(natural, console.width)).print(table)


WIDEST = 1000
"""Columns of a table that nothing cuts."""


class Listing(NamedTuple):
    """Names and texts, a line each; never wrapped, so that a path can be copied."""

    title: str
    rows: Sequence[tuple[str, object]]


def make_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table whose first column is text and whose other columns are figures."""
    table = Table(title=title, box=None, padding=(0, 1, 0, 2))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(format_cell(value) for value in row))
    return table


def print_listing(console: Console, listing: Listing) -> None:
    """Print names and texts under their title."""
    width = max(len(name) for name, _ in listing.rows)
    console.print(make_visible(listing.title), style="bold")
    for name, text in listing.rows:
        console.print(f"  {name:<{width}}  {format_cell(text)}", soft_wrap=True)


def format_cell(value: object) -> str:
    """Return a cell as people write it: thousands apart, absent values as a dash."""
    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return make_visible(str(value))


class ProgressHandler(logging.Handler):
    """Draws the records of `empathy.progress`: bars in a terminal, a line now and then elsewhere."""

    def __init__(self, progress: Progress | None) -> None:
        super().__init__()
        self.progress = progress
        self.bars: dict[str, TaskID] = {}
        self.last_line: dict[str, float] = {}
        self.started: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Draw one record."""
        found = getattr(record, "found", None)
        if found:
            say(f"found {found}: {getattr(record, 'uri', '')} (nothing to do)")
            return
        notice = getattr(record, "notice", None)
        if notice:
            say(f"note: {notice}")
            return
        warning = getattr(record, "warning", None)
        if warning:
            warn(warning)
            return
        step = getattr(record, "step", None)
        if step is None:
            return
        fields: Mapping[str, object] = getattr(record, "fields", {})
        values = (step, getattr(record, "done", 0), getattr(record, "total", 0), fields)
        if self.progress is not None:
            self._draw_bar(self.progress, *values)
        else:
            self._print_line(*values)

    def _draw_bar(self, progress: Progress, step: str, done: int, total: int, fields: Mapping[str, object]) -> None:
        details = "  ".join(f"{name} {value}" for name, value in fields.items())
        if step not in self.bars:
            self.bars[step] = progress.add_task(step, total=total or None, details="")
        progress.update(self.bars[step], completed=done, total=total or None, details=details)

    def _print_line(self, step: str, done: int, total: int, fields: Mapping[str, object]) -> None:
        now = time.monotonic()
        started = self.started.setdefault(step, now)
        is_news = step not in self.last_line or done >= total
        if not is_news and now - self.last_line[step] < PLAIN_LINE_EVERY_S:
            return
        self.last_line[step] = now
        left = (now - started) / done * (total - done) if done else 0
        details = "".join(f", {name} {value}" for name, value in fields.items())
        say(f"{step}: {done:,} of {total:,}" + (f", about {left:.0f} s left" if left >= 1 else "") + details)


@contextmanager
def show_progress(*, is_quiet: bool = False) -> Iterator[None]:
    """Draw the progress of whatever runs inside; or tell it in lines of JSON, which `--json` does not hush."""
    if is_json():
        with handle("empathy", JsonHandler()):
            yield
        return
    if is_quiet:
        yield
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeLeftColumn(), TextColumn("[dim]{task.fields[details]}"),
    )  # fmt: skip
    progress = Progress(*columns, console=errors) if sys.stderr.isatty() else None
    with handle("empathy.progress", ProgressHandler(progress)):
        if progress is None:
            yield
        else:
            with progress:
                yield


@contextmanager
def handle(name: str, handler: logging.Handler) -> Iterator[None]:
    """Give the records of a logger to a handler."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
