"""What has changed in the data since another selection, beyond what chance does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.selection.decide import SUBSETS
from tasks.selection.stability import NOTICE, SHIFT, chance_index, stability_index
from tasks.selection.summary import SelectionSummary

SCORES = ("sensibility", "rationality")
BAND_RUNS, BAND_SDS = 5, 3.0
"""From so many runs on, a share's band is its mean, and so many deviations on both sides."""
SLACK = 0.02
"""What a share may always leave the band of the last runs by: two points."""
LENGTH_EFFECT = 0.2
"""A change of the mean length in deviations of a turn's length: a small effect (Cohen 1988)."""
SURE = 3.3
"""Standard errors that chance exceeds once in a thousand times."""
THRESHOLD_MOVE = 0.5
"""Points of the scale by which a threshold that is found for a target share may always move."""


class Change(BaseModel):
    """One thing that changed: what, from how much to how much, and a sentence of it."""

    model_config = ConfigDict(frozen=True)

    what: str = Field(description="judge, sensibility, rationality, emotions, length, threshold, or share of a subset.")
    level: Literal["notice", "shift"]
    before: str
    now: str
    said: str


class Drift(BaseModel):
    """A selection's data beside that of another: the stability indices, and what changed."""

    model_config = ConfigDict(frozen=True)

    stability: dict[str, float | None] = Field(description="Index of each score and of the emotions.")
    changes: tuple[Change, ...] = ()


def measure_drift(now: SelectionSummary, before: SelectionSummary, history: Sequence[SelectionSummary] = ()) -> Drift:
    """Compare a selection with another of the same split, and its shares with those of like earlier runs.

    Against another judge's selection no change is told: its scores have another scale, and cover other turns.
    """
    changes: list[Change] = []
    stability: dict[str, float | None] = {}
    for name, earlier, later in list_populations(now, before):
        index = stability_index(earlier, later)
        stability[name] = None if index is None else round(index, 6)
        if index is not None and index >= NOTICE and index > chance_index(earlier, later):
            changes.append(tell_population(name, index, now, before))
    if now.is_of_another_judge(before):
        return Drift(stability=stability)
    changes += find_length_change(now, before)
    likes = [run for run in history if run.is_like(now)]
    changes += find_threshold_change(now, [*likes, before])
    changes += [change for share in (*SUBSETS, "unscored") for change in find_share_change(share, now, likes)]
    return Drift(stability=stability, changes=tuple(changes))


def list_populations(now: SelectionSummary, before: SelectionSummary) -> list[tuple[str, Sequence[int], Sequence[int]]]:
    """Return name and counts, then and now, of the scores and the emotions."""
    populations: list[tuple[str, Sequence[int], Sequence[int]]] = []
    for name in SCORES:
        then, later = (of.spreads[name].counts if name in of.spreads else () for of in (before, now))
        is_alike = len(then) == len(later) and not now.is_of_another_judge(before)  # else other bins, another scale
        populations.append((name, then, later) if is_alike else (name, (), ()))
    emotions = sorted({*now.emotions, *before.emotions})
    counts = [[of.emotions.get(emotion, 0) for emotion in emotions] for of in (before, now)]
    return [*populations, ("emotions", counts[0], counts[1])]


def tell_population(name: str, index: float, now: SelectionSummary, before: SelectionSummary) -> Change:
    """Say that the scores, or the emotions, are spread otherwise."""
    level: Literal["notice", "shift"] = "shift" if index >= SHIFT else "notice"
    name_of, least = ("a shift", SHIFT) if level == "shift" else ("a small shift", NOTICE)
    strength = f"stability index {index:.2f}; {least:g} or more is {name_of}"
    if name == "emotions":
        moved = sorted(
            {*now.emotions, *before.emotions}, key=lambda e: (-abs(share_of(e, now) - share_of(e, before)), e)
        )[0]
        then, later = (f"{moved[:40]!r} {share_of(moved, of):.1%}" for of in (before, now))
        said = f"emotions: {then} -> {share_of(moved, now):.1%}, and others ({strength})"
        return Change(what=name, level=level, before=then, now=later, said=said)
    then, later = (f"{of.spreads[name].mean or 0:.2f}" for of in (before, now))
    said = f"{name} scores: mean {then} -> {later} ({strength})"
    return Change(what=name, level=level, before=then, now=later, said=said)


def share_of(emotion: str, summary: SelectionSummary) -> float:
    """Return an emotion's share of the scored turns."""
    return summary.emotions.get(emotion, 0) / max(1, sum(summary.emotions.values()))


def find_judge_change(now: SelectionSummary, before: SelectionSummary, name: str) -> Change | None:
    """Return that another judge has scored than that of `before`, called `name`, and in what it differs."""
    if not now.is_of_another_judge(before):
        return None
    parts = sorted(part for part in {*now.judge, *before.judge} if now.judge.get(part) != before.judge.get(part))
    differs = f" (other {', '.join(parts)})" if parts else ""
    then, later = (f"{of.alias} {of.judge_id}" for of in (before, now))
    said = f"another judge than that of {name}: {then} -> {later}{differs}; scores of two judges are not compared"
    return Change(what="judge", level="notice", before=then, now=later, said=said)


def find_length_change(now: SelectionSummary, before: SelectionSummary) -> list[Change]:
    """Return that responses are longer or shorter, if the mean moved by more than chance and a small effect."""
    then, later = before.spreads.get("words"), now.spreads.get("words")
    if then is None or later is None or None in (then.mean, later.mean, then.sd, later.sd):
        return []
    difference = abs((later.mean or 0) - (then.mean or 0))
    error = math.hypot((then.sd or 0) / math.sqrt(before.n_scored), (later.sd or 0) / math.sqrt(now.n_scored))
    if difference <= LENGTH_EFFECT * (then.sd or 0) or difference <= SURE * error:
        return []
    values = f"{then.mean:.1f}", f"{later.mean:.1f}"
    said = f"length of responses: mean {values[0]} -> {values[1]} words"
    return [Change(what="length", level="shift", before=values[0], now=values[1], said=said)]


def find_threshold_change(now: SelectionSummary, earlier: Sequence[SelectionSummary]) -> list[Change]:
    """Return that the threshold of a target share is another than that of the last selection asked for alike."""
    name = now.target_field
    like = next((run for run in reversed(earlier) if name and run.is_like(now)), None)
    if like is None or abs(now.config[name] - like.config[name]) <= THRESHOLD_MOVE:
        return []
    then, later = (f"{of.config[name]:g}" for of in (like, now))
    reason = f" ({now.target_reason})" if now.target_reason else ""
    said = f"{name.replace('_', ' ')} found for the target share: {then} -> {later}{reason}"
    return [Change(what="threshold", level="shift", before=then, now=later, said=said)]


def find_share_change(share: str, now: SelectionSummary, history: Sequence[SelectionSummary]) -> list[Change]:
    """Return that a subset's share, or that of turns without a score, left the band of the earlier runs."""
    of_all = share == "unscored"
    values = [read_share(share, run) for run in history]
    n_turns = [run.n_scored + of_all * run.n_unscored for run in (now, *history)]
    if not values or not min(n_turns):
        return []
    centre, value = fmean(values), read_share(share, now)
    spread = math.sqrt(centre * (1 - centre) * (1 / n_turns[0] + 1 / min(n_turns[1:])))
    slack = max(SLACK, SURE * spread)
    low, high = min(values) - slack, max(values) + slack
    if len(values) >= BAND_RUNS:
        half = max(BAND_SDS * stdev(values), slack)
        low, high = centre - half, centre + half
    if low <= value <= high:
        return []
    band = f"{max(low, 0):.1%} to {min(high, 1):.1%}"
    name = "turns without a score" if of_all else share
    runs = f"{len(values)} selections" if len(values) > 1 else "selection"
    said = f"share of {name}: {value:.1%}, outside {band} after the last {runs} like it"
    return [Change(what=f"share of {share}", level="shift", before=band, now=f"{value:.1%}", said=said)]


def read_share(share: str, run: SelectionSummary) -> float:
    """Return a share of the scored turns; `unscored` is one of all turns."""
    if share == "unscored":
        return run.n_unscored / max(1, run.n_scored + run.n_unscored)
    return run.shares.get(share, 0.0)
