"""`empathy judge simulate`: what active scoring would have come to, tried on scores that are there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.data import SplitName
from flows.commands.options import HomeOption, JsonOption, use_home
from tasks.bounded import check_place
from tasks.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.judges.active import CurvePoint

MOST_SHARES = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    judge: Annotated[
        str, typer.Argument(metavar="JUDGE", help="Id or alias of a judge that scored the corpus, or replies:FILE.")
    ],
    shares: Annotated[
        str, typer.Option(help="Shares of the calls to try, between 0 and 1, with commas.")
    ] = "0.05,0.1,0.25,0.5",
    threshold: Annotated[float, typer.Option(min=0, max=10, help="Selection threshold of both scores.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="Tries at each share, with other turns by chance.")] = 1,
    split: Annotated[SplitName | None, typer.Option(help="Only the turns of this split.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the curve for the report's tab Judges.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Try active scoring on a judge's scores: how near a share of its calls comes to all of them.

    Asks nobody. Takes some ten seconds for 5,000 turns, share and seed.
    """
    from flows.terminal import make_table, show_progress, show_result
    from tasks.config import ActiveConfig
    from tasks.judges.active import simulate_curve, summarise_curve

    use_home(home)
    tried = parse_shares(shares)
    alias, pool, keep_note = open_scored(check_place(judge, "JUDGE"), split or "all")
    config = ActiveConfig(bound=0, sensibility_threshold=threshold, rationality_threshold=threshold)
    points: list[CurvePoint] = []
    with show_progress(is_quiet=json):
        points.extend(simulate_curve(pool, config, tried, seeds))
    curve = summarise_curve(points)
    record = {"teacher": alias, "n_turns": len(pool.turns), "threshold": threshold, "n_seeds": seeds,
              "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "curve": curve}  # fmt: skip
    if keep:
        keep_note(record)
    rows = [
        (f"{one['share']:.0%}", one["strategy"], f"{one['jaccard']:.3f}", f"{one['low']:.3f} to {one['high']:.3f}")
        for one in curve
    ]
    heads = ["calls", "strategy", "Jaccard", "range over seeds"]
    title = f"Sensibility subset at {threshold:g}, against all scores of {alias} ({len(pool.turns):,} turns)"
    show_result(record, as_json=json, tables=[make_table(title, heads, rows)])


def parse_shares(said: str) -> Sequence[float]:
    """Return shares given with commas, rising, each once. Raises UsageError for what is none."""
    try:
        found = sorted({float(part) for part in said.split(",")})
    except ValueError:
        found = []
    if not 0 < len(found) <= MOST_SHARES or not all(0 < share < 1 for share in found):
        raise UsageError(
            f"--shares cannot be {said[:80]!r}.", do=f"give up to {MOST_SHARES} numbers between 0 and 1, with commas"
        )
    return found


def open_scored(judge: str, split: str) -> tuple[str, Any, Any]:
    """Return the alias of a judge, the turns it has scored, and what keeps a record of them."""
    import json as json_format

    from tasks.home import open_home
    from tasks.judges import refuse_guesses
    from tasks.judges.active import open_full
    from tasks.judges.validation.basis import count_guesses
    from tasks.judges.validation.named_scores import read_scores
    from tasks.scoring import slugify

    home = open_home()
    corpus = home.list_corpus()
    with home.store.transaction() as connection:
        named = read_scores(connection, judge)
    if count_guesses(home, named.identity):
        refuse_guesses("active", named.name)
    pool = open_full([home.artifacts.open(ref) / "turns.parquet" for ref in corpus], split, named.table)

    def keep_note(record: dict[str, Any]) -> None:
        name = f"{record['made_at'].replace(':', '')}-{slugify(named.name)}"
        home.artifacts.write_note("active-curves", name, json_format.dumps(record))

    return named.name, pool, keep_note
