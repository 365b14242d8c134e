"""What the template of the explorer shows: plain values, at the thresholds it opens with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One square of the plane, in pixels, and what the pointer finds there."""

    x: float
    y: float
    side: float
    opacity: float
    tip: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The drawing at the thresholds that are shown first."""

    squares: tuple[HeatCell, ...]
    boxes: dict[str, str]
    """The part of the plane that is each subset's, as an SVG path."""
    line_x: float
    line_y: float
    ticks: tuple[tuple[int, float, float], ...]
    """(score, pixels to the right, pixels down)."""


@dataclass(frozen=True, slots=True)
class Slider:
    """One threshold that can be moved."""

    axis: str
    at: int
    last: int
    threshold: float
    step: float


@dataclass(frozen=True, slots=True)
class SubsetRow:
    """One subset at the thresholds shown first; the last row is all turns."""

    name: str
    turns: str
    share: str
    words: str
    shift: str


@dataclass(frozen=True, slots=True)
class EmotionRow:
    """What the subsets keep of one emotion, in percent of its turns."""

    name: str
    sensibility: float
    rationality: float
    kept: str
    tip: str


@dataclass(frozen=True, slots=True)
class Explorer:
    """Two sliders over the plane of scores with everything that follows from them."""

    kind: ClassVar[str] = "explorer"
    name: ClassVar[str] = "explorer"
    rule: str
    rules: Mapping[str, str]
    """What each rule selects, by name."""
    sliders: tuple[Slider, ...]
    heat: HeatMap
    rows: tuple[SubsetRow, ...]
    emotions: tuple[EmotionRow, ...]
    notes: tuple[str, ...]
    command: str
    parameters: str
    data: str
    """Cells, grids and settings for the script, as JSON."""
