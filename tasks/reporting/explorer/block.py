"""What the page needs to draw the explorer once, and what its script needs to count again."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tasks.reporting.explorer.cells import AXES, RULES, SUBSETS, Cells, Ints, count_subsets, find_places
from tasks.reporting.explorer.heat import PLANE, draw_heat
from tasks.reporting.explorer.recipe import join_options, name_quotas, write_command, write_parameters
from tasks.reporting.explorer.shown import EmotionRow, Explorer, Slider, SubsetRow
from tasks.reporting.wording import count_of, join_words, share_text

WIDTHS = {np.dtype(kind).itemsize: np.dtype(kind).newbyteorder("<") for kind in ("u1", "u2", "u4", "f8")}
DASH, MINUS = "–", "\u2212"


def make_explorer(
    cells: Cells,
    rules: Mapping[str, str],
    start: tuple[str, float, float],
    settings: Mapping[str, Any],
    notes: tuple[str, ...] = (),
) -> Explorer:
    """Return the explorer as it opens: with rule and thresholds (the nearest there are) of `start`."""
    rule = start[0]
    at = find_places(cells, start[1:])
    thresholds = float(cells.grids[0][at[0]]), float(cells.grids[1][at[1]])
    turns, words = count_subsets(cells, rule, at)
    return Explorer(
        rule=rule,
        rules={name: rules[name] for name in RULES},
        sliders=tuple(
            Slider(axis, place, len(grid) - 1, threshold, float(grid[2] - grid[1]))
            for axis, place, grid, threshold in zip(AXES, at, cells.grids, thresholds, strict=True)
        ),
        heat=draw_heat(cells, rule, thresholds),
        rows=tuple(list_rows(turns.sum(axis=1), words.sum(axis=1))),
        emotions=tuple(make_emotion(name, turns[:, place]) for place, name in enumerate(cells.emotions)),
        notes=(*notes, *tell_removed(cells), *tell_quotas(settings)),
        command=write_command(rule, thresholds, settings),
        parameters=write_parameters(rule, thresholds, settings),
        data=json.dumps(pack(cells, rule, at, settings), separators=(",", ":")),
    )


def list_rows(turns: Ints, words: Ints) -> list[SubsetRow]:
    """Return turns, share and mean words of each subset, and of all turns."""
    total, n_words = int(turns.sum()), int(words.sum())
    mean = n_words / total if total else 0.0
    rows = [make_row(name, int(n), total, int(w), mean) for name, n, w in zip(SUBSETS, turns, words, strict=True)]
    return [*rows, SubsetRow("all", f"{total:,}", share_text(total, total), f"{mean:.1f}", "")]


def make_row(name: str, n: int, total: int, words: int, mean: float) -> SubsetRow:
    """Return one subset; a dash where it has no turn."""
    if not n:
        return SubsetRow(name, "0", share_text(0, total), DASH, DASH)
    shift = words / n - mean
    signed = f"{round(shift, 1) + 0.0:+.1f}".replace("-", MINUS)
    return SubsetRow(name, f"{n:,}", share_text(n, total), f"{words / n:.1f}", signed)


def make_emotion(name: str, turns: Ints) -> EmotionRow:
    """Return what is kept of one emotion."""
    sensibility, rationality, discard = (int(n) for n in turns)
    total = sensibility + rationality + discard
    kept = sensibility + rationality
    tip = f"{name}: {kept:,} of {total:,} kept, {sensibility:,} sensibility and {rationality:,} rationality"
    part = 100 / total if total else 0.0
    return EmotionRow(name, round(part * sensibility, 2), round(part * rationality, 2), share_text(kept, total), tip)


def tell_removed(cells: Cells) -> list[str]:
    """Say how many turns no threshold brings back, if there are any."""
    n = int(cells.removed.sum())
    if not n:
        return []
    are = (
        "was removed by the selection's filters and is" if n == 1 else "were removed by the selection's filters and are"
    )
    return [f"{count_of(n, 'turn')} {are} discarded at every threshold."]


def tell_quotas(settings: Mapping[str, Any]) -> list[str]:
    """Say that quotas are not counted, if the selection has any."""
    quotas = name_quotas(settings)
    if not quotas:
        return []
    return [
        f"These counts are before the quotas ({join_words(quotas)}), which depend on the thresholds: the command below "
        "with --preview counts after them."
    ]


def pack(cells: Cells, rule: str, at: tuple[int, ...], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that the script counts from."""
    columns = {"s": cells.s, "r": cells.r, "emotion": cells.emotion, "n": cells.n, "words": cells.words}
    return {
        "grids": [grid.tolist() for grid in cells.grids],
        "isWhole": cells.is_whole,
        "plane": PLANE,
        "start": {"rule": rule, "at": at},
        "emotions": cells.emotions,
        "cells": {name: pack_column(values) for name, values in columns.items()},
        "removed": {"n": cells.removed.tolist(), "words": cells.removed_words.tolist()},
        "options": join_options(settings),
        "settings": dict(settings),
    }


def pack_column(values: Ints) -> tuple[int, str]:
    """Return numbers as the narrowest of 1, 2, 4 or 8 bytes each (8 is a double), little-endian, in base64."""
    most = int(values.max(initial=0))
    width = next((width for width in (1, 2, 4) if most < 256**width), 8)
    return width, base64.b64encode(values.astype(WIDTHS[width]).tobytes()).decode()
