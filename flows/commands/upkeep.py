"""Commands that keep a home in order: doctor, backup, restore, forget. They need no server and start none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, use_home

if TYPE_CHECKING:
    from flows.forgetting import Forgetting
    from flows.terminal import Listing


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(doctor)
    app.command()(backup)
    app.command()(restore)
    app.command()(forget)


def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Look at versions, server, storage, database, judge, disk, memory and GPU, and say what to mend."""
    from flows.doctor import examine
    from flows.terminal import Listing, show_result
    from tasks.settings import Settings

    use_home(home)
    findings = examine(Settings())
    n_problems = sum(finding.state == "problem" for finding in findings)
    lines: list[tuple[str, object]] = []
    for finding in findings:
        lines.append((f"{finding.state:<8} {finding.area}", finding.said))
        lines += [("", f"do: {finding.do}")] if finding.do else []
    result = {"n_problems": n_problems, "findings": [finding._asdict() for finding in findings]}
    show_result(result, as_json=json, tables=[Listing("Doctor", lines)])
    raise typer.Exit(1 if n_problems else 0)


def backup(
    out: Annotated[Path, typer.Argument(help="File to write, ending in .tar.zst or .tar.gz, or a folder to make.")],
    without_artifacts: Annotated[
        bool,
        typer.Option(
            "--without-artifacts",
            help="Leave out what commands make again of the replies; notes and people's ratings are kept.",
        ),
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep what is true of this home in a file; runs may go on meanwhile. Restore makes the database anew."""
    from flows.keeping import back_up
    from flows.terminal import Listing, say, show_progress, show_result
    from tasks.bounded import check_place
    from tasks.home import open_home

    check_place(str(out), "OUT")
    use_home(home)
    place = open_home()
    with show_progress(is_quiet=json):
        kept = back_up(place, out.expanduser().absolute(), with_artifacts=not without_artifacts)
    if not place.artifacts.is_local:
        say(f"Artifacts stay where they are: {place.settings.artifacts_url}")
    rows = [("file", kept.path), ("files in it", kept.n_files), ("bytes", f"{kept.n_bytes:,} before compression")]
    show_result(kept._asdict(), as_json=json, tables=[Listing("Backup", rows)])


def restore(
    file: Annotated[Path, typer.Argument(help="A file or folder of `empathy backup`.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a new home from a backup, every file verified, and rebuild its database."""
    from flows.keeping import restore as restore_home
    from flows.terminal import make_table, say, show_progress, show_result, warn
    from tasks.bounded import check_place
    from tasks.home import open_home

    check_place(str(file), "FILE")
    use_home(home)
    place = open_home()
    with show_progress(is_quiet=json):
        restored = restore_home(place, file.expanduser().absolute(), say)
    counts, passed_over = restored.rebuilt
    for line in passed_over:
        warn(f"passed over {line}")
    title = f"Restored {restored.n_files:,} files of {restored.made_at} into {place.settings.home_dir}"
    result = {"n_files": restored.n_files, "made_at": restored.made_at, "home": str(place.settings.home_dir)}
    table = make_table(title, ["table", "rows"], list(counts.items()))
    show_result({**result, **counts, "passed_over": passed_over}, as_json=json, tables=[table])


def forget(
    dialogue: Annotated[str, typer.Argument(help="Id of the dialogue.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a dialogue from ledger, artifacts and tables for good, and list the models that saw it.

    Turns whose text stands in another dialogue too keep their scores. Models are not changed. A later ingest of the
    same source leaves the dialogue out. Let nothing else run on this home meanwhile: caches of texts are emptied.
    A killed one is brought to its end by the same again.
    """
    from flows.forgetting import forget as forget_dialogue
    from flows.forgetting import refuse_unknown
    from flows.terminal import say, show_progress, show_result, warn
    from tasks.bounded import check_place
    from tasks.errors import UsageError
    from tasks.home import open_home

    check_place(dialogue, "DIALOGUE")
    use_home(home)
    place = open_home()
    found = forget_dialogue(place, dialogue, say, is_dry=True)
    refuse_unknown(found)
    if not dry_run and not yes:
        if not sys.stdin.isatty():
            raise UsageError("This cannot be undone, and nobody can be asked.", do="give --yes, or look with --dry-run")
        show_result({}, as_json=False, tables=describe_forgetting(found, "Would be removed"))
        warn("Caches are emptied: let no training, evaluation or other run go on in this home, on any machine.")
        typer.confirm("Remove all this for good?", abort=True, err=True)
    if not dry_run:
        with show_progress(is_quiet=json):
            found = forget_dialogue(place, dialogue, say)
        say("Backups, exports, Prefect's own records and the source itself were not touched.")
    tables = describe_forgetting(found, "Would be removed" if dry_run else "Removed")
    show_result({**found.describe(), "is_dry_run": dry_run}, as_json=json, tables=tables)


def describe_forgetting(found: Forgetting, title: str) -> list[Listing]:
    """Return what a person reads of a dialogue that is to be forgotten."""
    from flows.terminal import Listing

    rows: list[tuple[str, object]] = [("dialogue", found.dialogue_id), ("turns of it alone", found.n_keys)]
    rows += [(f"replies of {judge}", n) for judge, n in found.n_replies.items()]
    for name, files in found.artifacts.items():
        rows.append((name, ", ".join(f"{file}: {n}" for file, n in files.items())))
    rows += [(name, "whole; made again by its command") for name in found.removed]
    told = [Listing(title, rows)]
    stays = [("model that saw it", name) for name in found.models]
    stays += [("its source", name) for name in dict.fromkeys(found.sources)]
    return [*told, Listing("Not changed", stays)] if stays else told
