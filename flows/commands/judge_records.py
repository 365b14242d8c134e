"""Where `validate` and `compare` leave what they measured: files of a folder, and a note beside the artifacts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from tasks.bounded import check_place
from tasks.errors import UsageError

if TYPE_CHECKING:
    from flows.terminal import Listing
    from tasks.judges import JudgedTurns

SaveOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Also write the record (.json), the turns (.parquet), a page (.html) and its charts (.png) there; nothing "
        "is replaced.",
    ),
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Keep the figures, without any text, for the tab Judges of `empathy report`.")
]


class Files(NamedTuple):
    """Where a record, its turns, its page and its charts go."""

    record: Path
    turns: Path
    page: Path
    charts: Path


def name_files(folder: Path | None, kind: str) -> Files | None:
    """Return the files of a record, None if not asked for; told before the work if one of them exists."""
    from tasks.judges import expand_home, require_new
    from tasks.reporting import name_page

    if folder is None:
        return None
    folder = expand_home(check_place(str(folder), "--save"))
    files = Files(folder / f"{kind}.json", folder / f"{kind}-turns.parquet", *name_page(folder, kind))
    require_new(*files)
    return files


def require_reference(*, keep: bool, against: str | None, to_ingest: Path | None = None) -> None:
    """Refuse to keep what a report would not show: an agreement with nothing."""
    if keep and to_ingest is not None:
        raise UsageError("--keep and --to-ingest do not go together: nothing is measured.", do="leave one of them out")
    if keep and against is None:
        raise UsageError("--keep keeps an agreement with a reference.", do="name it with --against")


def save_record(files: Files | None, kind: str, record: dict[str, Any], judged: JudgedTurns) -> list[Listing]:
    """Write a record, its turns and its page, if that was asked for; return what is said of it."""
    from flows.terminal import Listing
    from tasks.reporting import write_validation_page

    if files is None:
        return []
    files.record.parent.mkdir(parents=True, exist_ok=True)
    files.record.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    judged.turns.write_parquet(files.turns)
    _, *pictures = write_validation_page(record, files.page.parent, kind)
    rows = [("record", files.record), ("turns", files.turns), ("page", files.page)]
    return [Listing("Saved", [*rows, ("charts", f"{files.charts} ({len(pictures)} pictures)")])]


def keep_record(record: dict[str, Any], *, keep: bool) -> list[Listing]:
    """Keep a record beside the artifacts, if that was asked for; return what is said of it."""
    from flows.terminal import Listing
    from tasks.home import open_home
    from tasks.reporting import keep_validation

    if not keep:
        return []
    return [Listing("Kept for `empathy report`", [("note", keep_validation(open_home().artifacts, record))])]
