"""`empathy judge audit`: a blind sheet of turns for people to score, and the filled sheets taken back as ratings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.data import SplitName
from flows.commands.options import HomeOption, JsonOption, refuse_empty, repeat_home, use_home
from tasks.bounded import check_place
from tasks.errors import UsageError

N, SEED = 120, 0
SELECTED = "of the current selection, else 5"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    out: Annotated[Path | None, typer.Argument(metavar="OUT.csv", help="Sheet to write, to be filled in.")] = None,
    take: Annotated[
        list[Path] | None, typer.Option(metavar="FILLED.csv", help="Sheet that was filled in; again for each rater.")
    ] = None,
    rater: Annotated[
        list[str] | None, typer.Option(help="Who filled it in, once for each --take; the file's name if not said.")
    ] = None,
    judge_id: Annotated[str | None, typer.Option(help="Judge that is audited, by id or alias.")] = None,
    other: Annotated[
        str | None,
        typer.Option(
            help="Judge whose disagreement is looked at; the one with most of the same turns, and the newest scores.",
        ),
    ] = None,
    n: Annotated[int | None, typer.Option("--n", min=1, max=100_000, help="Turns.", show_default=str(N))] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=10, help="Both selection thresholds.", show_default=SELECTED)
    ] = None,
    sensibility_threshold: Annotated[
        float | None, typer.Option(min=0, max=10, help="That of sensibility.", show_default="--threshold")
    ] = None,
    rationality_threshold: Annotated[
        float | None, typer.Option(min=0, max=10, help="That of rationality.", show_default="--threshold")
    ] = None,
    split: Annotated[SplitName | None, typer.Option(help="Split to draw from; all if not said.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Another seed, another sample.", show_default=str(SEED))
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Draw turns for people to score blindly (OUT.csv), or take filled sheets back (--take) as ratings.

    Drawn more often: turns near the threshold, turns that two judges select differently, rare emotions. How often is
    kept, so that the people's scores also tell how far the judge can be trusted on the whole corpus.
    """
    from flows.terminal import show_result

    use_home(home)
    refuse_empty(judge_id=judge_id, other=other)
    drawing: dict[str, Any] = {
        "other": other, "n": n, "threshold": threshold, "sensibility_threshold": sensibility_threshold,
        "rationality_threshold": rationality_threshold, "split": split, "seed": seed,
    }  # fmt: skip
    if take:
        given = [name for name, value in drawing.items() if value is not None]
        if out is not None or given:
            what = f"--{given[0].replace('_', '-')}" if given else "OUT.csv"
            raise UsageError(f"{what} is for drawing a sheet, --take for taking one back.", do="do one after the other")
        result, tables = take_back(take, rater or [], judge_id, repeat_home(home))
    elif out is None:
        raise UsageError("There is nothing to do.", do="name a sheet to write (OUT.csv), or one to take back (--take)")
    elif rater:
        raise UsageError("--rater says who filled a sheet in.", do="give it with --take")
    else:
        result, tables = draw(out, judge_id or "", repeat_home(home), **drawing)
    show_result(result, as_json=json, tables=tables)


def draw(
    out: Path, judge: str, at: str, other: str | None, n: int | None, threshold: float | None,
    sensibility_threshold: float | None, rationality_threshold: float | None, split: str | None, seed: int | None,
) -> tuple[dict[str, Any], list[Any]]:  # fmt: skip
    """Draw an audit, keep it, write its sheet; return the result and its tables. `at` is the home in a next step."""
    from flows.commands.audit_tables import make_sheet_tables
    from tasks.home import open_home
    from tasks.judges import (
        AuditPlan,
        check_new_sheet,
        choose_thresholds,
        draw_audit,
        expand_home,
        find_audited,
        read_audit,
        write_sheet,
    )

    out = expand_home(check_place(str(out), "OUT.csv"))
    check_new_sheet(out)
    place = open_home()
    audited = find_audited(place, judge, other or "")
    judge_id = place.artifacts.read_manifest(audited.scores.uri)["facts"]["judge_id"]
    each = [threshold if own is None else own for own in (sensibility_threshold, rationality_threshold)]
    chosen = choose_thresholds(place.artifacts, judge_id, *each)
    plan = AuditPlan(N if n is None else n, *chosen.bounds, split or "", SEED if seed is None else seed)
    ref = draw_audit(place.artifacts, audited, plan)
    place.record(ref)
    write_sheet(read_audit(place.artifacts, ref).iter_rows(named=True), out)
    result = {
        **ref.model_dump(), **place.artifacts.read_manifest(ref.uri)["facts"], "sheet": str(out.absolute()),
        "thresholds": dict(zip(("sensibility", "rationality"), chosen.bounds, strict=True)),
        "why_thresholds": chosen.why, "why_other": audited.why,
    }  # fmt: skip
    return result, make_sheet_tables(result, out, plan.n, at)


def take_back(paths: list[Path], raters: list[str], judge: str | None, at: str) -> tuple[dict[str, Any], list[Any]]:
    """Take filled sheets back as the ratings of this home; return the result and its tables, with the home `at`."""
    from flows.commands.audit_tables import make_rating_tables
    from tasks.home import open_home
    from tasks.judges import expand_home, find_replaced, take_sheets
    from tasks.scoring import choose_judge

    files = [expand_home(check_place(str(path), "--take")) for path in paths]
    for name in raters:
        if not check_place(name, "--rater").strip():
            raise UsageError("--rater is empty.", do="give a name, or leave the option out")
    place = open_home()
    judge_id = None
    if judge is not None:
        with place.store.transaction() as connection:
            judge_id, _ = choose_judge(connection, judge)
    taken = take_sheets(place.artifacts, files, raters, judge_id)
    replaced = find_replaced(place.artifacts, taken)
    place.record_all([taken.audit, taken.ratings])
    place.artifacts.set_current("ratings", taken.ratings)
    result = {
        **taken.ratings.model_dump(), **place.artifacts.read_manifest(taken.ratings.uri)["facts"],
        "audit": taken.audit.config_digest, "rejected": [asdict(one) for one in taken.rejected],
        "replaces": asdict(replaced) if replaced else None,
    }  # fmt: skip
    return result, make_rating_tables(result, at)


def check_trusted(reference: str, mapping: list[str]) -> str:
    """Return what a judge is to be calibrated to, a file by its whole path; refused early where it is none."""
    from tasks.home import open_home
    from tasks.judges import expand_home, find_ratings, names_file, names_kept, parse_mapping, read_both

    check_place(reference, "--to")
    if not reference:
        raise UsageError("--to is empty.", do="name a judge, ratings, or a file of ratings")
    if names_file(reference):
        path = expand_home(reference).absolute()
        read_both(path, parse_mapping(mapping))
        return str(path)
    if mapping:
        raise UsageError("--map belongs to a file of ratings.", do="give it with --to FILE")
    if names_kept(reference):
        find_ratings(open_home().artifacts, reference)
    return reference
