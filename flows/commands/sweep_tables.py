"""What `empathy sweep` found, as tables and as records."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from flows.terminal import Listing, make_table

if TYPE_CHECKING:
    from rich.table import Table

    from tasks.config import SelectionConfig
    from tasks.selection import FoldStability, JudgeOverlap, Spread, SweepPoint, TargetShare, TargetStability

    Tables = list[Table | Listing]
    Settled = Sequence[tuple[SelectionConfig, TargetShare]]

Result = dict[str, Any]
SHOWN = ("sensibility", "rationality")


def describe(selection: SelectionConfig) -> Result:
    """Return what tells one selection of a sweep from another."""
    names = ("rule", "sensibility_threshold", "rationality_threshold")
    return {"label": selection.label, **{name: getattr(selection, name) for name in names}}


def name_thresholds(selection: SelectionConfig) -> str:
    """Return the thresholds in as few signs as tell them: one if both are the same."""
    s, r = f"{selection.sensibility_threshold:g}", f"{selection.rationality_threshold:g}"
    return s if s == r else f"{s} / {r}"


def name_other(selection: SelectionConfig) -> str:
    """Return the threshold that stays as it is while that of the axis is looked for."""
    other = selection.sensibility_threshold if selection.axis == "rationality" else selection.rationality_threshold
    return f"{other:g}"


def add_points(result: Result, tables: Tables, points: Sequence[SweepPoint], chosen: SelectionConfig) -> None:
    """Add the sizes, then what is in the subsets, a table a rule."""
    result["chosen"] = chosen.label
    result["sweep"] = [
        {**describe(point.selection), **point.model_dump(exclude={"selection"}, mode="json")} for point in points
    ]
    heads = ["S turns", "share", "95 %", "±0.5", "R turns", "share", "95 %", "±0.5"]
    for rule, of_rule in _by_rule(points):
        title = f"Rule {rule}: shares of {of_rule[0].n_scored:,} scored turns (±0.5: change per 0.5 of both thresholds)"
        rows = [(name_thresholds(p.selection), *(c for s in SHOWN for c in _size(p, s)),
                 f"{p.subsets['discard'].share:.1%}") for p in of_rule]  # fmt: skip
        tables.append(make_table(title, ["S / R", *heads, "discard"], rows))
    columns = ["S / R", "subset", "Jaccard", "balance", "words", "Dist-1", "Dist-2", "duplicates"]
    for rule, of_rule in _by_rule(points):
        title = f"Rule {rule}: what is in the subsets; Jaccard with {chosen.label}"
        rows = [(name_thresholds(p.selection), *_content(p, s)) for p in of_rule for s in SHOWN]
        tables.append(make_table(title, columns, rows))


def _by_rule(points: Sequence[SweepPoint]) -> list[tuple[str, list[SweepPoint]]]:
    return [(rule, list(found)) for rule, found in groupby(points, key=lambda point: point.selection.rule)]


def _size(point: SweepPoint, subset: str) -> tuple[object, ...]:
    found = point.subsets[subset]
    interval, change = found.share_interval, found.sensitivity
    said = f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f}" if interval else None
    return found.n, f"{found.share:.1%}", said, None if change is None else f"{100 * change + 0:+.1f}"


def _content(point: SweepPoint, subset: str) -> tuple[object, ...]:
    found = point.subsets[subset]
    figures = ((found.jaccard, 2), (found.balance, 3), (found.mean_words, 1), (found.dist_1, 2), (found.dist_2, 2))
    return subset, *(None if value is None else f"{value:.{digits}f}" for value, digits in figures), found.n_duplicates


def add_targets(result: Result, tables: Tables, settled: Settled) -> None:
    """Add the thresholds that were found for a share, what the scores allow next to them, and the command."""
    rows, records = [], []
    for selection, found in settled:
        command = write_command(selection)
        records.append({**describe(selection), **found.describe(), "command": command})
        near = (f"{one.share:.1%} (>{one.threshold:g})" if one else None for one in (found.below, found.above))
        rows.append((selection.rule, name_thresholds(selection), f"{found.found.share:.1%}", *near))
    result["targets"] = records
    found = settled[0][1]
    title = f"Thresholds for {found.target:.1%} of the turns in {found.axis}"
    tables.append(make_table(title, ["rule", "S / R", "share", "next below", "next above"], rows))
    notes = [("scores", f"take {found.n_levels:,} values: a share between two neighbours cannot be reached"),
             ("select", records[0]["command"])]  # fmt: skip
    if found.is_far:
        notes.insert(0, ("warning", f"the share misses the target by {abs(found.found.share - found.target):.1%}"))
    tables.append(Listing("Notes", notes))


def write_command(selection: SelectionConfig) -> str:
    """Return the command that makes a selection."""
    words = ["empathy", "select", "--rule", selection.rule]
    words += ["--sensibility-threshold", repr(selection.sensibility_threshold)]
    words += ["--rationality-threshold", repr(selection.rationality_threshold)]
    words += ["--calibration", selection.calibration] if selection.calibration else []
    words += ["--split", selection.split] if selection.split != "auto" else []
    words += ["--judge-id", selection.judge_id] if selection.judge_id else []
    return shlex.join(words)


def add_folds(result: Result, tables: Tables, stability: Sequence[FoldStability]) -> None:
    """Add how the shares spread over folds of dialogues."""
    result["folds"] = [
        {**describe(one.selection), **one.model_dump(exclude={"selection"}, mode="json")} for one in stability
    ]
    n_folds = len(stability[0].shares["sensibility"].values)
    heads = [f"{letter} {said}" for letter in "SR" for said in ("mean", "sd", "range")]
    rows = [(one.selection.rule, name_thresholds(one.selection), *(c for s in SHOWN for c in _spread(one.shares[s])))
            for one in stability]  # fmt: skip
    tables.append(make_table(f"Shares in {n_folds} folds of dialogues", ["rule", "S / R", *heads], rows))


def add_target_folds(result: Result, tables: Tables, found: Sequence[tuple[SelectionConfig, TargetStability]]) -> None:
    """Add the thresholds that all folds but one give, and their shares on that one."""
    result["target_folds"] = [{**describe(one), **of.model_dump(mode="json")} for one, of in found]
    rows = [
        (one.rule, name_other(one),
         *(f"{value:.4g}" for value in (of.thresholds.mean, of.thresholds.low, of.thresholds.high)),
         *_spread(of.shares))
        for one, of in found
    ]  # fmt: skip
    columns = ["rule", "other", "threshold", "lowest", "highest", "held-out share", "sd", "range"]
    tables.append(make_table("Thresholds found on all folds but one, shares on that one", columns, rows))


def _spread(found: Spread) -> tuple[str, str, str]:
    return f"{found.mean:.1%}", f"{100 * found.sd:.1f}", f"{100 * found.low:.1f}–{100 * found.high:.1f}"


def add_judges(result: Result, tables: Tables, names: tuple[str, str], overlaps: Sequence[JudgeOverlap]) -> None:
    """Add how alike two judges' subsets are on the turns that both scored."""
    result["judges"] = {
        "names": names,
        "overlaps": [
            {**describe(one.selection), **one.model_dump(exclude={"selection"}, mode="json")} for one in overlaps
        ],
    }
    title = f"{names[0]} and {names[1]} on {overlaps[0].n_common:,} turns: the same subset, and Jaccard of each"
    rows = [(one.selection.rule, name_thresholds(one.selection), f"{one.share_alike:.1%}", _figure(one.kappa),
             *map(_figure, one.jaccard.values())) for one in overlaps]  # fmt: skip
    columns = ["rule", "S / R", "alike", "kappa", *overlaps[0].jaccard]
    tables.append(make_table(title, columns, rows))


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
