"""`empathy judge validate` and `empathy judge compare`: how far a judge can be trusted. They write nothing unasked."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.judge_records import (
    KeepOption,
    SaveOption,
    keep_record,
    name_files,
    require_reference,
    save_record,
)
from flows.commands.options import HomeOption, JsonOption, use_home
from tasks.bounded import check_place
from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.judges import JudgedTurns

AgainstOption = Annotated[
    str | None,
    typer.Option(metavar="FILE|JUDGE", help="Human ratings (.csv, .jsonl, .parquet), replies:FILE, or another judge."),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=NAME",
        help="What a column of the file is: response, context, rating, sensibility, rationality, dialogue_id, emotion, "
        "utterance_idx, turn_key, system. May be given several times.",
    ),
]
ThresholdOption = Annotated[
    float, typer.Option(min=0, max=10, help="Selection threshold: what counts as high, and the subsets.")
]
MOST_JUDGES = 8


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(validate)
    app.command()(compare)


def validate(
    judge: Annotated[
        str, typer.Argument(metavar="JUDGE", help="distilled, replies:FILE, or id or alias of a judge with scores.")
    ],
    against: AgainstOption = None,
    mapping: MapOption = None,
    threshold: ThresholdOption = 5,
    save: SaveOption = None,
    keep: KeepOption = False,
    to_ingest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only write the rated texts as dialogues (.jsonl) for the judge to score."),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a judge: agreement with people or scores beside naive baselines, biases, saturation.

    Every measure has a 95 % interval over resampled dialogues. Without --against: only biases and saturation.
    """
    from flows.commands.judge_tables import make_validation_tables
    from flows.terminal import show_result
    from tasks.judges import validate_judge
    from tasks.reporting import VALIDATION

    use_home(home)
    require_reference(keep=keep, against=against, to_ingest=to_ingest)
    if to_ingest is not None:
        result, tables = write_rated(to_ingest, judge, against, mapping or [])
        show_result(result, as_json=json, tables=tables)
        return
    files = name_files(save, VALIDATION)
    judged = gather([judge], against, mapping or [])
    record = validate_judge(judged, threshold)
    said = save_record(files, VALIDATION, record, judged) + keep_record(record, keep=keep)
    show_result(record, as_json=json, tables=[*make_validation_tables(record), *said])


def compare(
    judges: Annotated[
        list[str], typer.Argument(metavar="JUDGE JUDGE...", help="Two or more: distilled, replies:FILE, ids, aliases.")
    ],
    against: AgainstOption = None,
    mapping: MapOption = None,
    n_examples: Annotated[
        int, typer.Option("--n-examples", min=0, max=1000, help="Turns to show, those they differ on most.")
    ] = 5,
    threshold: ThresholdOption = 5,
    save: SaveOption = None,
    keep: KeepOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Compare judges, or rubrics of one judge, on the turns that all have scored.

    How alike they score (Spearman, kappa, Krippendorff's alpha) and select at thresholds 4 to 7, and where they part.
    """
    from flows.commands.judge_tables import make_comparison_tables
    from flows.terminal import show_result
    from tasks.judges import contrast_judges
    from tasks.reporting import COMPARISON

    use_home(home)
    require_reference(keep=keep, against=against)
    if not 2 <= len(judges) <= MOST_JUDGES:
        raise UsageError(f"{len(judges)} judges cannot be compared.", do=f"name from 2 to {MOST_JUDGES}")
    files = name_files(save, COMPARISON)
    judged = gather(judges, against, mapping or [])
    record = contrast_judges(judged, threshold, n_examples)
    said = save_record(files, COMPARISON, record, judged) + keep_record(record, keep=keep)
    show_result(record, as_json=json, tables=[*make_comparison_tables(record), *said])


def write_rated(path: Path, judge: str, against: str | None, pairs: list[str]) -> tuple[dict[str, Any], list[Any]]:
    """Write the rated texts as dialogues; return the result and its listing."""
    from flows.terminal import Listing
    from tasks.judges import expand_home, names_file, parse_mapping, read_ratings, write_dialogues

    if against is None or not names_file(against):
        raise UsageError("--to-ingest writes the texts of a file of ratings.", do="name it with --against FILE")
    path = expand_home(check_place(str(path), "--to-ingest"))
    check_place(against, "--against")
    n = write_dialogues(read_ratings(expand_home(against), parse_mapping(pairs)), path)
    mapped = [word for pair in pairs for word in ("--map", pair)]
    steps: list[tuple[str, object]] = [
        ("dialogues", n),
        ("1", f"empathy ingest {shlex.quote(str(path))} --home RATED"),
        ("2", "empathy score --home RATED --judge ... (the judge to validate)"),
        ("3", f"empathy judge validate {shlex.join([judge, '--against', against, *mapped])} --home RATED"),
    ]
    return {"path": str(path), "n_dialogues": n}, [Listing("The rated texts, in a home of their own (RATED)", steps)]


def gather(judges: list[str], against: str | None, pairs: list[str]) -> JudgedTurns:
    """Return the turns that the judges and the reference have in common."""
    from tasks.home import open_home
    from tasks.judges import gather_turns, parse_mapping

    for name in judges:
        check_place(name, "JUDGE")
    if against is not None:
        check_place(against, "--against")
    return gather_turns(open_home(), judges, against, parse_mapping(pairs))
