"""The report's colours, each once: a light and a dark value under the name that charts and styles use.

Orange and blue stay apart for every common kind of colour blindness, and so does green from both.
Against its background each text colour has a contrast over 4.5, each mark over 3.
"""

from __future__ import annotations

from typing import NamedTuple


class Colour(NamedTuple):
    """One colour on a light page and on a dark one, as hex."""

    light: str
    dark: str


PALETTE: dict[str, Colour] = {
    "page": Colour("#ffffff", "#14171c"),
    "raised": Colour("#f6f7f9", "#1b1f26"),
    "line": Colour("#e1e4e9", "#2d333c"),
    "ink": Colour("#1b2027", "#e8eaee"),
    "muted": Colour("#59626e", "#a2abb7"),
    "heat": Colour("#46566b", "#9fb0c6"),
    "sensibility": Colour("#c2541f", "#f2955f"),
    "rationality": Colour("#2566b0", "#74aef0"),
    "discard": Colour("#878e99", "#78818d"),
    "mixture": Colour("#0a7f66", "#45c4a5"),
}


def light(name: str) -> str:
    """Return the colour that charts are drawn with; on the page it is swapped for the variable of its name."""
    return PALETTE[name].light


class SystemStyle(NamedTuple):
    """How one system is named and drawn in every table and chart."""

    label: str
    spoken: str
    """As it is called in a sentence."""
    colour: str
    dash: tuple[int, int]


SYSTEMS: dict[str, SystemStyle] = {
    "base": SystemStyle("Base model", "the base model", "muted", (2, 3)),
    "prompted": SystemStyle("Base, told to be empathetic", "the base model told to be empathetic", "muted", (1, 2)),
    "sensibility": SystemStyle("Sensibility expert", "the sensibility expert", "sensibility", (1, 0)),
    "rationality": SystemStyle("Rationality expert", "the rationality expert", "rationality", (1, 0)),
    "mixture": SystemStyle("Mixture", "the mixture", "mixture", (1, 0)),
    "union": SystemStyle("Control: union", "the union control", "ink", (1, 0)),
    "full": SystemStyle("Control: full data", "the full-data control", "muted", (6, 3)),
    "random": SystemStyle("Control: random", "the random control", "muted", (2, 2)),
    "length-matched": SystemStyle("Control: length-matched", "the length-matched control", "muted", (8, 3)),
}


def style_of(system: str) -> SystemStyle:
    """Return the style of a system; one we do not know is grey and keeps its name."""
    return SYSTEMS.get(system, SystemStyle(system, system, "muted", (4, 4)))
