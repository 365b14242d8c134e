"""The routing: which expert the mixture lets speak, in which layers, for which turns and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

from tasks.reporting.blocks import Block, Cell, Conversation, Figure, Section, Shade, Shaded, Table
from tasks.reporting.charts.gate_course import draw_gate_course
from tasks.reporting.charts.gate_grid import draw_gate_grid
from tasks.reporting.charts.gates import draw_gates
from tasks.reporting.material import Material
from tasks.reporting.routing_log import RoutingLog, SpokenTurn
from tasks.reporting.wording import NOT_SHOWN, clip, count_cell, count_of, number_cell
from tasks.router import NEAR_HALF, LayerGates, say_not_routed

ALL = "All responses"
NAMES = {
    "sensibility": "Sensibility turns",
    "rationality": "Rationality turns",
    "discard": "Discarded turns",
    "prompt": "Prompt",
    "affect": "Affect words",
    "question": "Question marks",
    "function": "Function words",
    "other": "Other tokens",
    "end": "End of response",
}
STRONGEST = 60
"""Percent of colour behind a token whose gate is 0 or 1: text stays legible on it."""


def describe_routing(material: Material) -> Section:
    """Return the chapter on the mixture's gates."""
    section = partial(Section, "routing", "Routing")
    routing = material.routing
    if routing is None:
        return section(absent="No mixture in this report. `empathy route` makes one.")
    if not routing.layers:
        return section(absent="The mixture kept no record of its gates. `empathy route` makes one that does.")
    groups = {ALL: routing.layers, **name_groups(routing.by_subset), **name_groups(routing.by_class)}
    blocks: list[Block] = [draw_layer_gates(routing.layers)]
    if len(groups) > 1:
        blocks += [draw_groups(groups), tabulate_groups(groups)]
    if len(routing.course) > 1:
        blocks.append(draw_course(routing.course))
    if routing.dialogues:
        blocks.append(shade_dialogues(routing))
    lead = tell_routing(routing) or tell_distance(routing)
    return section(lead=" ".join(lead), blocks=blocks)


def tell_routing(routing: RoutingLog | None) -> list[str]:
    """Say plainly that a mixture has not learnt to route, if it has not."""
    said = say_not_routed(routing.layers) if routing else ""
    return [said] if said else []


def tell_distance(routing: RoutingLog) -> list[str]:
    """Say how many layers do leave one half, where that was measured."""
    distances = [layer.distance for layer in routing.layers if layer.distance is not None]
    if not distances:
        return []
    n = sum(distance >= NEAR_HALF for distance in distances)
    return [f"In {n} of {count_of(len(distances), 'layer')} the gates leave one half (mean |gate - 0.5| of "
            f"{NEAR_HALF:g} or more). Leaving it is not yet gaining by it: for that see the evaluation."]  # fmt: skip


def name_groups(groups: Mapping[str, tuple[LayerGates, ...]]) -> dict[str, tuple[LayerGates, ...]]:
    """Return groups by the names they are shown under."""
    return {NAMES.get(name, name): layers for name, layers in groups.items() if layers}


def draw_layer_gates(layers: Sequence[LayerGates]) -> Figure:
    """Return the router's mean gates of each layer."""
    shares = [layer.gate for layer in layers]
    rows = [
        [Cell(str(layer.layer)), number_cell(layer.gate, 3), number_cell(1 - layer.gate, 3),
         number_cell(layer.entropy_share, 3), number_cell(layer.distance, 3)]
        for layer in layers
    ]  # fmt: skip
    columns = ("Layer", "Sensibility", "Rationality", "Entropy / ln 2", "Mean |gate - 0.5|")
    return Figure(
        name="gates",
        title="The router's gates, layer by layer",
        description=(
            f"Stacked columns of {len(layers)} layers. The sensibility expert gets {fmean(shares):.2f} on average, "
            f"from {min(shares):.2f} to {max(shares):.2f}; the rationality expert the rest."
        ),
        draw=partial(draw_gates, [(layer.layer, layer.gate) for layer in layers]),
        numbers=Table("Mean gates", columns, rows),
        note="Mean over response tokens. The dashed line is an equal share.",
    )


def draw_groups(groups: Mapping[str, Sequence[LayerGates]]) -> Figure:
    """Return the mean gate of every layer for every group of tokens."""
    found = [(name, [(layer.layer, layer.gate) for layer in layers]) for name, layers in groups.items()]
    means = "; ".join(f"{name} {fmean(gate for _, gate in gates):.2f}" for name, gates in found)
    rows = [[Cell(name), count_cell(layer), number_cell(gate, 3)] for name, gates in found for layer, gate in gates]
    return Figure(
        name="gate-groups",
        title="Gates by kind of turn and of token",
        description=f"Grid of layers by groups of tokens. Mean share of the sensibility expert: {means}.",
        draw=partial(draw_gate_grid, found),
        numbers=Table("Mean gate of the sensibility expert", ("Tokens", "Layer", "Gate"), rows),
        note="Orange: more of the sensibility expert, blue: more of the rationality expert; the paler, the nearer to "
        "one half. Words are told apart by short English lists. On a sample of the turns trained on.",
    )


def tabulate_groups(groups: Mapping[str, Sequence[LayerGates]]) -> Table:
    """Return what the gates of each group come to over all layers."""

    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return fmean(known) if known else None

    rows = [
        [Cell(name), *(number_cell(mean(values), 3) for values in (
            [layer.gate for layer in layers], [layer.entropy_share for layer in layers],
            [layer.distance for layer in layers]))]
        for name, layers in groups.items()
    ]  # fmt: skip
    return Table("Gates over all layers", ("Tokens", "Sensibility", "Entropy / ln 2", "Mean |gate - 0.5|"), rows)


def draw_course(course: Sequence[tuple[int, float, float]]) -> Figure:
    """Return how entropy and distance went over the steps of training."""
    (first, *start), (last, *end) = course[0], course[-1]
    rows = [[Cell(str(step)), number_cell(entropy, 3), number_cell(distance, 3)] for step, entropy, distance in course]
    return Figure(
        name="gate-course",
        title="How the gates went over the training",
        description=(
            f"Line chart from step {first} to {last}. Entropy as a share of ln 2 from {start[0]:.2f} to {end[0]:.2f}; "
            f"distance from one half from {start[1]:.2f} to {end[1]:.2f}."
        ),
        draw=partial(draw_gate_course, course),
        numbers=Table("Gates by step", ("Step", "Entropy / ln 2", "Mean |gate - 0.5|"), rows),
        note="Mean over layers, on the response tokens of the step. An undecided router has entropy 1 and distance 0.",
    )


def shade_dialogues(routing: RoutingLog) -> Shaded:
    """Return a few dialogues with every token of the listener in the colour of its gate."""
    whose = "held out of training" if routing.is_held_out else "that it was trained on"
    return Shaded(
        title="Token by token",
        note=f"{count_of(len(routing.dialogues), 'dialogue')} {whose}. Behind each token of a listener's turn stands "
        "its gate, the mean over layers: orange for the sensibility expert, blue for the rationality expert, nothing "
        "for one half. The texts are the corpus's, not the model's.",
        dialogues=[Conversation([shade_turn(turn) for turn in dialogue]) for dialogue in routing.dialogues],
    )


def shade_turn(turn: SpokenTurn) -> tuple[str, list[Shade]]:
    """Return what a turn answers, and its tokens as shades."""
    return clip(turn.said), [shade_token(text, gate) for text, gate in turn.tokens]


def shade_token(text: str, gate: float) -> Shade:
    """Return a token in the colour of the expert that has more of it."""
    colour = "sensibility" if gate > 0.5 else "rationality"
    shown = NOT_SHOWN.sub(" ", text)
    return Shade(shown, colour, round(2 * STRONGEST * abs(gate - 0.5)), f"{gate:.3f} to sensibility")
