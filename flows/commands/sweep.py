"""`empathy sweep`: choose thresholds by looking at many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.data import SplitName, find_scores
from flows.commands.options import HomeOption, JsonOption, drop_unset, refuse_empty, use_home
from flows.commands.sweep_grid import DEFAULT_RULES, ThresholdRule, list_pairs, make_grid, make_targets
from tasks.errors import UsageError
from tasks.selection_config import AxisName

if TYPE_CHECKING:
    from rich.table import Table

    from flows.commands.data import Inputs
    from flows.terminal import Listing
    from tasks.config import SelectionConfig


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sweep)


def sweep(
    thresholds: Annotated[
        str | None, typer.Option(help="Thresholds for both scores, comma-separated \\[default: 4,5,6,7].")
    ] = None,
    sensibility_thresholds: Annotated[
        str | None, typer.Option(help="Instead: thresholds of the sensibility score, each with each of the other's.")
    ] = None,
    rationality_thresholds: Annotated[
        str | None, typer.Option(help="Instead: thresholds of the rationality score, each with each of the other's.")
    ] = None,
    rule: Annotated[
        list[ThresholdRule] | None,
        typer.Option(help="Selection rule; may be given several times \\[default: paper and released]."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST", help="Selection to compare with \\[default: the last one made, else threshold 5]."
        ),
    ] = None,
    target_share: Annotated[
        float | None, typer.Option(help="Find the threshold whose subset is nearest to this share, e.g. 0.59.")
    ] = None,
    axis: Annotated[
        AxisName | None, typer.Option(help="With --target-share: of which subset \\[default: sensibility].")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, max=100, help="Show how steady it is over so many folds of dialogues.")
    ] = None,
    other_judge: Annotated[
        str | None, typer.Option(metavar="JUDGE", help="Compare with the subsets by this judge's scores.")
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Map scores by `empathy judge calibrate` first.")
    ] = None,
    split: Annotated[SplitName | None, typer.Option(help="Split to select from.")] = None,
    judge_id: Annotated[str | None, typer.Option(help="Id or alias of the judge whose scores count.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the subsets at many thresholds, or find the threshold for a share; writes nothing.

    Shares with 95 % intervals over resampled dialogues and their change per 0.5 of threshold; overlap with the chosen
    selection; balance of emotions, length, variety (Dist falls as a subset grows) and duplicates of the responses.
    """
    from flows.commands import sweep_tables as found
    from flows.terminal import show_result
    from tasks.selection import find_chosen, settle, sweep_selections

    use_home(home)
    has_grid = any(text is not None for text in (thresholds, sensibility_thresholds, rationality_thresholds))
    pairs = list_pairs(thresholds, sensibility_thresholds, rationality_thresholds, is_targeted=target_share is not None)
    given = drop_unset(calibration=calibration, split=split, judge_id=judge_id)
    refuse_empty(other_judge=other_judge, against=against)
    grid = make_grid(pairs, rule or DEFAULT_RULES, given)
    targets = make_targets(grid, target_share, axis)
    inputs = find_scores(judge_id or "")
    others = find_scores(other_judge)[2] if other_judge is not None else None
    chosen = find_chosen(inputs[0], inputs[2], against)
    result: dict[str, Any] = {}
    tables: list[Table | Listing] = []
    if targets:
        settled = [(one, target) for one, target in settle(*inputs, targets) if target]
        found.add_targets(result, tables, settled)
        if not has_grid:
            grid = [one.model_copy(update={"target_share": None, "axis": None}) for one, _ in settled]
    found.add_points(result, tables, sweep_selections(*inputs, grid, chosen), chosen)
    if folds is not None:
        look_at_folds(result, tables, inputs, grid, targets, folds)
    if others is not None:
        look_at_judges(result, tables, inputs, grid, others)
    show_result(result, as_json=json, tables=tables)


def look_at_folds(
    result: dict[str, Any],
    tables: list[Table | Listing],
    inputs: Inputs,
    grid: list[SelectionConfig],
    targets: list[SelectionConfig],
    n_folds: int,
) -> None:
    """Add how steady shares are over folds of dialogues, and the found thresholds."""
    from flows.commands import sweep_tables as found
    from tasks.selection import cross_validate_target, measure_stability

    found.add_folds(result, tables, measure_stability(*inputs, grid, n_folds))
    if targets:
        crossed = [(one, cross_validate_target(*inputs, one, n_folds)) for one in targets]
        found.add_target_folds(result, tables, crossed)


def look_at_judges(
    result: dict[str, Any], tables: list[Table | Listing], inputs: Inputs, grid: list[SelectionConfig], other: Any
) -> None:
    """Add how alike the subsets by another judge's scores are."""
    from flows.commands import sweep_tables as found
    from tasks.selection import compare_judges

    artifacts, corpus, scores = inputs
    if scores == other:
        raise UsageError("Both are the same judge.", do="name another one with --other-judge")
    names = [artifacts.read_manifest(ref.uri)["facts"]["alias"] for ref in (scores, other)]
    found.add_judges(result, tables, (names[0], names[1]), compare_judges(artifacts, corpus, (scores, other), grid))
