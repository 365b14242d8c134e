"""`empathy judge score`: a distilled judge over a corpus of any size, Parquet to Parquet, outside the home."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import JsonOption
from tasks.bounded import check_place


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(score)


def score(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Parquet file of turns, or a folder of them.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Parquet file to write: every column but the texts.")],
    weights: Annotated[
        Path | None, typer.Option(help="Weights that `empathy judge distill` made; the bundled ones if not said.")
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="Sentence encoder those weights need: a folder, an installed package, or owner/name, asked of the hub."
        ),
    ] = "",
    processes: Annotated[int, typer.Option(min=1, max=256, help="Processes that score, one core each.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    json: JsonOption = False,
) -> None:
    """Score a large corpus with the distilled judge: thousands of turns a second, flat memory, no database.

    Adds scores, deviations, bounds of the intervals and ranks. What `empathy select` reads comes from `empathy score`.
    """
    from flows.terminal import Listing, show_progress, show_result
    from tasks.judges import JudgePlace, score_parquet

    for place, name in ((source, "IN"), (out, "OUT"), (weights or "", "--weights"), (encoder, "--encoder")):
        check_place(str(place), name)
    started = time.monotonic()
    with show_progress(is_quiet=json):
        facts = score_parquet(source, out, JudgePlace(weights, encoder), processes, is_forced=force)
    seconds = time.monotonic() - started
    rows: list[tuple[str, object]] = [("file", str(out)), ("turns", facts["n_rows"])]
    rows.append(("turns without a score", facts["n_unscored"]))
    rows.append(("intervals hold", f"{facts['coverage']:.0%} of the teacher's scores"))
    rows.append(("time", f"{seconds:.1f} s, {facts['n_rows'] / seconds:,.0f} turns a second"))
    found = {**facts, "out": str(out.absolute()), "seconds": round(seconds, 3)}
    show_result(found, as_json=json, tables=[Listing("Scored", rows)])
