"""The chapters of a comparison of judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.reporting.blocks import Block, Cell, Prose, Reading, Readings, Section, Tab, Table
from tasks.reporting.judges.agreeing import show_agreement
from tasks.reporting.judges.habits import READING, Means, measure_cell, show_bias, show_emotions
from tasks.reporting.judges.pairs import draw_pairs, tabulate_pairs
from tasks.reporting.judges.planes import show_plane
from tasks.reporting.judges.records import DIMENSIONS, Comparison
from tasks.reporting.judges.saturation import draw_saturation, list_uses, tabulate_saturation
from tasks.reporting.judges.subsets import show_subsets
from tasks.reporting.judges.telling import tell_axes, tell_turns
from tasks.reporting.judges.validation import BASELINES, Described, list_plane, show_reference_pair, sort_means
from tasks.reporting.wording import clip, join_words

MOST_SAID = 12
"""Utterances shown before a response, the last ones."""
LONGEST = 2000
WHO = {"assistant": "Listener", "user": "Speaker"}


def describe_comparison(record: Comparison) -> Described:
    """Return the page of a comparison."""
    sections = [
        ("Judges", describe_compared(record)),
        ("Agreement", describe_against(record)),
        ("Emotions and bias", describe_own_habits(record)),
        ("Differences", describe_differences(record)),
    ]
    tabs = [Tab(section.name, title, [section]) for title, section in sections]
    judges = join_words([clip(judge, 50) for judge in record.judges])
    against = f" against {clip(record.reference, 60)}" if record.reference else ""
    return f"Judges compared: {judges}{against}", [*tell_turns(record), *tell_axes(record)], tabs


def describe_compared(record: Comparison) -> Section:
    """Return where each judge puts the turns, and how alike each pair scores."""
    planes = [
        show_plane(f"plane-{at}", judge, list_plane(record.cells[judge]["scores"]))
        for at, judge in enumerate(record.judges, 1)
        if record.cells.get(judge, {}).get("scores")
    ]
    alphas = [[Cell(name), measure_cell(alpha)] for name, alpha in record.alpha.items()]
    table = Table("All judges: Krippendorff's alpha (interval)", ("Score", "Alpha"), alphas)
    uses = list_uses(record)
    saturation: list[Block] = []
    if uses:  # beside the last plane if that would stand alone
        saturation = [draw_saturation("saturation", uses, is_half=len(planes) % 2 == 1), tabulate_saturation(uses)]
    blocks = [*planes, *saturation, tabulate_pairs(record.pairs), *draw_pairs("pair", record.pairs), table]
    return Section("compared", "Judges", "Each on the same turns.", [*blocks, *show_subsets("subsets", record)])


def describe_against(record: Comparison) -> Section:
    """Return how far each judge agrees with the reference."""
    if not record.reference:
        return Section("agreement", "Agreement", absent="Compared with no reference: `--against` names one.")
    blocks: list[Block] = []
    for axis in record.axes:
        blocks += show_agreement(f"agreement-{axis}", record, axis)
        for row in record.agreement:
            cells = record.cells.get(row.judge, {}).get(f"{row.predictor}_{axis}", ())
            if row.kind == "judge" and row.axis == axis and cells:
                at = record.judges.index(row.judge) + 1
                blocks.append(
                    show_reference_pair(f"scatter-{at}-{row.predictor}-{axis}", row.judge, record, row, cells)
                )
    return Section("agreement", "Agreement", BASELINES, blocks)


def describe_own_habits(record: Comparison) -> Section:
    """Return the means of each emotion, and what the scores follow."""
    blocks: list[Block] = []
    for dimension in DIMENSIONS:
        means = merge_means(record, dimension)
        if means:
            blocks.append(show_emotions(f"emotions-{dimension}", dimension, record.judges, means))
    blocks += [
        show_bias(f"bias-{dimension}", dimension, record.bias, dict.fromkeys(record.bias, dimension))
        for dimension in DIMENSIONS
        if record.bias
    ]
    return Section("habits", "Emotions and bias", blocks=[*blocks, Prose([READING])])


def merge_means(record: Comparison, dimension: str) -> Means:
    """Return each emotion with the means of all judges."""
    found: dict[str, tuple[int, dict[str, float]]] = {}
    for judge, rows in record.by_emotion.items():
        for row in rows:
            _, means = found.setdefault(str(row["emotion"]), (int(row["n"]), {}))
            means[judge] = float(row[dimension])
    return sort_means([(emotion, n, means) for emotion, (n, means) in found.items()], record.judges[0])


def describe_differences(record: Comparison) -> Section:
    """Return the turns on which the judges are furthest apart, to read."""
    if not record.differences:
        absent = "None shown: the judges differ on no turn, or `--n-examples 0` asked for none."
        return Section("differences", "Where they differ most", absent=absent)
    lead = "One turn a dialogue, the furthest apart first (the ranges of both scores added). The last line is the "
    lead += "response that was scored."
    return Section("differences", "Where they differ most", lead, [Readings(list(map(read_one, record.differences)))])


def read_one(one: Mapping[str, Any]) -> Reading:
    """Return one turn with what each judge gave it."""
    place = ":".join(str(part) for part in (one["dialogue_id"], one["utterance_idx"]) if part is not None)
    about = [place or str(one["turn_key"])[:12], one.get("emotion"), one.get("system")]
    given = [
        (clip(judge, 60), f"sensibility {scores['sensibility']:g}, rationality {scores['rationality']:g}")
        for judge, scores in one["scores"].items()
    ]
    given += [(f"reference's {axis}", f"{value:g}") for axis, value in one["reference"].items()]
    heading = f"Apart by {one['distance']:g}: {', '.join(clip(str(part), 80) for part in about if part)}"
    return Reading(heading, given, list_lines(one["prompt"], str(one["response"])))


def list_lines(prompt: Sequence[Mapping[str, str]] | None, response: str) -> list[tuple[str, str]]:
    """Return who said what, the response last."""
    said = [(WHO.get(m["role"], m["role"]), m["content"]) for m in (prompt or ())[-MOST_SAID:]]
    return [(who, clip(text, LONGEST)) for who, text in [*said, ("Response", response)]]
