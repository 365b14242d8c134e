"""What the scores of judges go along with: emotions, and what should not decide a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from tasks.reporting.blocks import Cell, Figure, Table
from tasks.reporting.charts.dots import draw_dots
from tasks.reporting.charts.rows import Row, draw_rows
from tasks.reporting.judges.records import Bias, Measure
from tasks.reporting.wording import clip, count_cell, count_of, number_cell

MOST_EMOTIONS = 40
PROPERTIES = {
    "affect words": "Words of feeling",
    "response length": "Words of the response",
    "question marks": "Question marks",
    "turn position": "Place in the dialogue",
}
READING = (
    "Spearman's rank correlation with its 95 % interval over whole dialogues. Far from 0 the score prefers, say, long "
    "responses as such, and a threshold selects by length too. It does not say why: a longer response may be better."
)
EMOTION = "Emotion, eta²"

Means = Sequence[tuple[str, int, Mapping[str, float]]]
"""Emotion, turns, and the mean of each judge that has one."""


def show_emotions(name: str, dimension: str, judges: Sequence[str], means: Means) -> Figure:
    """Return the mean of one score for each emotion, judges side by side."""
    judges = [clip(judge, 60) for judge in judges]
    rows = [(clip(emotion, 40), n, {clip(judge, 60): mean for judge, mean in of.items()}) for emotion, n, of in means]
    largest = {emotion for emotion, *_ in sorted(rows, key=lambda row: (-row[1], row[0]))[:MOST_EMOTIONS]}
    shown = [row for row in rows if row[0] in largest]
    left_out = f"The {MOST_EMOTIONS} largest of {len(rows):,} emotions." if len(rows) > len(shown) else ""
    first = [(of[judges[0]], emotion) for emotion, _, of in shown if judges[0] in of]
    ends = f": by {judges[0]} from {min(first)[0]:.2f} ({min(first)[1]}) to {max(first)[0]:.2f} ({max(first)[1]})"
    title = f"Mean {dimension} per emotion"
    return Figure(
        name=name,
        title=title,
        description=f"Dot chart of {count_of(len(shown), 'emotion')} and {count_of(len(judges), 'judge')}"
        f"{ends if first else ''}.",
        draw=partial(draw_dots, judges, [(emotion, of) for emotion, _, of in shown]),
        numbers=Table(title, ("Emotion", "Turns", *judges),
                      [[Cell(emotion), count_cell(n), *(number_cell(of.get(judge)) for judge in judges)]
                       for emotion, n, of in shown]),
        note=left_out,
        is_half=True,
        has_picture=True,
    )  # fmt: skip


def show_bias(name: str, dimension: str, series: Mapping[str, Sequence[Bias]], columns: Mapping[str, str]) -> Figure:
    """Return how far each judge's score follows each property; `columns` says where in its records the score stands."""
    measures = {
        clip(judge, 60): {bias.with_: bias.scores.get(columns[judge], Measure()) for bias in records}
        for judge, records in series.items()
    }
    rows = group_rows({PROPERTIES[key]: {judge: of.get(key, Measure()) for judge, of in measures.items()}
                       for key in PROPERTIES}, dimension)  # fmt: skip
    found = [(abs(measure.value), judge, key, measure.value) for judge, of in measures.items()
             for key, measure in of.items() if key in PROPERTIES and measure.value is not None]  # fmt: skip
    strongest = max(found, default=None)
    said = "Nothing could be measured"
    if strongest is not None:
        said = f"The strongest: {strongest[1]} with {PROPERTIES[strongest[2]].lower()}, {strongest[3]:.2f}"
    return Figure(
        name=name,
        title=f"What {dimension} follows",
        description=f"Bar chart of rank correlations with {len(PROPERTIES)} properties. {said}.",
        draw=partial(draw_rows, rows, 0, None, ".2~f"),
        numbers=tabulate_bias(f"What {dimension} follows: Spearman, 95 % interval", measures),
        note=f"{said}.",
        is_half=True,
        has_picture=True,
    )


def group_rows(groups: Mapping[str, Mapping[str, Measure]], colour: str) -> list[Row]:
    """Return a bar for each judge under each heading; of one judge the headings are the bars."""
    rows: list[Row] = []
    is_alone = len({judge for of_judge in groups.values() for judge in of_judge}) == 1
    for heading, of_judge in groups.items():
        rows += [] if is_alone else [Row(heading, is_heading=True)]
        rows += [Row(heading if is_alone else judge, m.value, m.low, m.high, colour) for judge, m in of_judge.items()]
    return rows


def tabulate_bias(caption: str, measures: Mapping[str, Mapping[str, Measure]]) -> Table:
    """Return every property with each judge's figures."""
    rows = [[Cell(label), *(measure_cell(of.get(key, Measure())) for of in measures.values())]
            for key, label in PROPERTIES.items()]  # fmt: skip
    explained = [of.get("emotion", Measure()) for of in measures.values()]
    if any(one.value is not None for one in explained):
        chances = [f"chance {one.chance:.2f}" if one.chance is not None else "" for one in explained]
        cells = [number_cell(one.value, 2, note) for one, note in zip(explained, chances, strict=True)]
        rows.append([Cell(EMOTION), *cells])
    return Table(caption, ("The score goes along with", *measures), rows)


def measure_cell(measure: Measure) -> Cell:
    """Return a measure with its interval as a note."""
    has_span = measure.low is not None and measure.high is not None
    return number_cell(measure.value, 2, f"{measure.low:.2f} to {measure.high:.2f}" if has_span else "")
