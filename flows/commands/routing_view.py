"""Which expert spoke: a response's tokens coloured by their gates, or with numbers where there is no colour."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

ENDS = (37, 102, 176), (194, 84, 31)
"""Colours of a gate of 0 (the second expert, blue) and of 1 (the first, orange), as the report has them."""
MIDDLE = (135, 142, 153)
LEGEND = (0.0, 0.25, 0.5, 0.75, 1.0)

Tokens = Sequence[tuple[str, float]]


def show_response(speaker: str, tokens: Tokens, experts: tuple[str, str], console: Console | None = None) -> None:
    """Print a response token by token: in colour with a legend, or as `text[0.61]` where colours are not shown.

    A token is its text and its gate, the share of the first expert from 0 to 1.
    """
    console = console or Console(highlight=False)
    has_colour = console.color_system is not None and not console.no_color
    make = colour_response if has_colour else number_response
    for line in make(speaker, tokens, experts):
        console.print(line, soft_wrap=True)


def colour_response(speaker: str, tokens: Tokens, experts: tuple[str, str]) -> list[Text]:
    """Return the response and its legend, every token in the colour of its gate."""
    said = Text(f"{speaker}: ")
    for text, gate in tokens:
        said.append(text, style=style_of(gate))
    legend = Text("  gate, mean over layers:  ", style="dim")
    for gate in LEGEND:
        name = {0.0: f" {experts[1]}", 1.0: f" {experts[0]}"}.get(gate, "")
        legend.append(f"■ {gate:g}{name}  ", style=style_of(gate))
    legend.append(summarise(tokens), style="dim")
    return [said, legend]


def number_response(speaker: str, tokens: Tokens, experts: tuple[str, str]) -> list[Text]:
    """Return the response with each token's gate behind it, and what the numbers mean."""
    said = "".join(f"{text}[{gate:.2f}]" if text.strip() else text for text, gate in tokens)
    legend = f"  [gate]: mean over layers; 1 is all {experts[0]}, 0 all {experts[1]}; {summarise(tokens)}"
    return [Text(f"{speaker}: {said}"), Text(legend)]


def summarise(tokens: Tokens) -> str:
    """Return mean and range of the gates."""
    gates = [gate for _, gate in tokens]
    if not gates:
        return "no tokens"
    return f"here {sum(gates) / len(gates):.2f} ({min(gates):.2f} to {max(gates):.2f})"


def style_of(gate: float) -> str:
    """Return the colour of a gate: grey at one half, stronger towards either end."""
    end, share = ENDS[gate > 0.5], min(1.0, abs(gate - 0.5) * 2)
    red, green, blue = (round(m + (e - m) * share) for m, e in zip(MIDDLE, end, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"
