"""The model card of a distilled judge: every figure in it comes from a record of what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from tasks.judges.cross_validation import CrossValidation
from tasks.judges.markdown import write_table
from tasks.judges.regression import Findings, write_relations

WIDTH = 119
UNKNOWN = "unknown: nobody has said so, do not assume that you may share these weights"


@dataclass(frozen=True)
class Source:
    """Where the teacher's scores and the texts they belong to come from."""

    texts: str = UNKNOWN
    texts_licence: str = UNKNOWN
    teacher: str = UNKNOWN
    scores_licence: str = UNKNOWN
    people: str = ""
    """How far the judge itself agrees with people, where that was measured; a sentence or more."""


RELEASED_SCORES = Source(
    texts="EmpatheticDialogues, validation split",
    texts_licence="CC BY-NC 4.0",
    teacher="machine scores released by the authors of Efficient-Empathy (arXiv 2407.01937); "
    "the language model that gave them is not named",
    scores_licence="none stated",
    people="This judge itself was set against people: 3,000 responses to EmpatheticDialogues, each rated 1 to 3 for "
    "its empathy (Welivita and Pu). Spearman with the rating is 0.15 [0.11, 0.18] for sensibility and -0.05 [-0.09, "
    "-0.02] for rationality; counting affect words reaches 0.14 [0.10, 0.18]. Intervals are 95%, over whole dialogues; "
    "`empathy judge validate distilled --against FILE` measures it again.",
)
"""Of the bundled judge; `people` is what `empathy judge validate` says of its weights, to be renewed with them."""

INTRODUCTION = """# Model card: distilled judge

A small regression that gives a listener's response a score for sensibility (affective empathy) and one
for rationality (cognitive empathy), 0 to 10, as the teacher it was fitted to would. It asks no judge{network}. {sha}"""

MODEL = """## Model

Ridge regression of the teacher's score (as its rank) on hashed n-grams (words 1-3 and characters 2-5 of the
response, characters 2-5 of what was said before, tf-idf) and on {n_measures} measures of the surface (lengths,
punctuation, person, place in the dialogue) with their products. A regression shrinks to the mean, so each
dimension's prediction is mapped by quantiles to the distribution of the teacher's scores; the map is part of
the judge. Beside a score stand a deviation and an interval, calibrated by conformal prediction on dialogues that
the regression had not seen. Weights are numbers in a safetensors file: no pickle, no vocabulary, no text."""

ENCODED = """It also reads meaning: Gaussian kernels of the embeddings of response and context at {n_landmarks:,}
landmarks, by the sentence encoder `{encoder_name}` (digest `{encoder}`).
Named as owner/name the encoder is asked of the hub, which sees the name and no text; a folder or an installed package
needs no network.
It scores with that encoder only, and at its speed. A landmark is the embedding of one of the turns it was fitted to:
parts of that text may be guessed from it, so share the file no more freely than the texts."""

COVERAGE_LIMITS = """With a teacher of whole scores, which come in lumps, it may hold more. With a teacher of fractions
it holds rather less: the shortest interval is chosen on the turns that calibrate it (of 90% stated, 88.1%, 88.8% and
89.4% in a simulation with 300, 1,000 and 5,700 turns)."""

CHOICES = """The settings of the regression (penalty; with an encoder also the landmarks, their weight and the context's
share) were chosen by such figures on the scores released with arXiv 2407.01937. Where a judge is fitted to those, the
dialogues above are unseen by each fit but not by that choice, and the figures here and below are somewhat too good."""

LIMITS = """## Limits

- It imitates its teacher, faults and saturation included. Nothing here says how far the teacher agrees with
  people, so a high score is not proof of empathy.{people}
- Agreement is moderate: good enough to cut a large corpus into subsets of the right sizes, with the overlaps
  above; not good enough to rank two single responses. Intervals and deviations say how far a score may be off.
- The intervals hold for turns like those it was fitted to. They say where the teacher's score is, not the truth.
- It sees words and surface, and of meaning no more than a sentence encoder does, if it has one. Irony, negation over
  a distance and facts about the situation escape it, and a text stuffed with words that the teacher liked will score
  higher.
- It is only as broad as the texts named above. In another language, in long or professional dialogues, or where
  responses are distributed otherwise, neither agreement nor shares at a threshold need hold."""

USE = """## Intended use

Selecting training data by thresholds, trying the method without a key, and a first pass before a larger judge is
asked. Not for judging people, not for clinical or crisis settings, and not as the only evidence that a model is
empathetic."""


def write_card(
    figures: CrossValidation,
    path: Path,
    facts: Mapping[str, Any],
    source: Source = Source(),
    relations: Findings | None = None,
) -> None:
    """Write the card of the judge that `distill` returned `facts` about, with the figures of `cross_validate`.

    `relations` is what `measure_distilled` found on the anchors; without it the card has no section on them.
    """
    network = "" if facts.get("encoder") else " and no network"
    parts = (
        INTRODUCTION.format(network=network, sha=f"File: {facts['n_bytes']:,} bytes, sha256 `{facts['sha256']}`."),
        write_source(source, facts),
        write_model(facts),
        write_agreement(figures),
        write_uncertainty(figures),
        write_selection(figures),
        *([write_relations(relations)] if relations else []),
        write_limits(source),
        USE,
    )
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def write_limits(source: Source) -> str:
    """Return the section on limits, with what is known of the judge and people."""
    known = fill(source.people, WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    return LIMITS.format(people=f"\n{known}" if known else "")


def write_source(source: Source, facts: Mapping[str, Any]) -> str:
    """Return the section on the data and its licences; what is not known is named as such."""
    rows = (
        ("texts", source.texts),
        ("licence of the texts", source.texts_licence),
        ("teacher", source.teacher),
        ("licence of the scores", source.scores_licence),
        ("turns", f"{facts['n_turns']:,} of {facts['n_dialogues']:,} dialogues"),
    )
    return (
        "## Data\n\n" + write_table(("what", "stated"), rows) + "\n\nThe file NOTICE beside the weights, if any, holds."
    )


def write_model(facts: Mapping[str, Any]) -> str:
    """Return the section on the model."""
    model = MODEL.format(n_measures=facts["n_surface_measures"])
    return f"{model}\n\n{ENCODED.format(**facts)}" if facts.get("encoder") else model


def write_uncertainty(figures: CrossValidation) -> str:
    """Return the section on the intervals: what they state, and what they held."""
    rows = ((one.name, f"{one.coverage:.1%}", f"{one.interval_width:.1f}") for one in figures.dimensions)
    return (
        "## Uncertainty on unseen dialogues\n\n"
        f"Each score has an interval made to hold the teacher's score of {figures.stated_coverage:.0%} of the turns, "
        f"each dimension by itself; here is what it held in the cross-validation. {COVERAGE_LIMITS}\n\n"
        + write_table(("dimension", "held", "mean width in points"), rows)
    )


def write_agreement(figures: CrossValidation) -> str:
    """Return the section on agreement with the teacher."""
    rows = (
        (
            one.name,
            f"{one.spearman_scores:.3f}",
            f"{one.spearman_ranks:.3f}",
            f"{one.equal:.1%}",
            f"{one.within_one:.1%}",
            f"{one.rmse:.2f}",
            f"{one.stated_rmse:.2f}",
            f"{one.mean:.2f}",
            f"{one.teacher_mean:.2f}",
            f"{one.teacher_mode_share:.1%}",
        )
        for one in figures.dimensions
    )
    heads = ("dimension", "Spearman", "Spearman of ranks", "equal", "within 1", "RMSE", "RMSE it states", "mean",
             "teacher's mean", "its modal share")  # fmt: skip
    return (
        "## Agreement with the teacher on unseen dialogues\n\n"
        f"Grouped cross-validation, {figures.n_folds} folds, no dialogue in two of them, {figures.n_turns:,} turns; "
        "the maps are fitted inside each fold. Ranks order the turns that share a whole-number score. "
        f"Speed in this run: {figures.turns_per_second:,.0f} turns a second of one core.\n\n"
        + write_table(heads, rows)
        + f"\n\n{CHOICES}"
    )


def write_selection(figures: CrossValidation) -> str:
    """Return the section on the subsets that selection would make."""
    rows = (
        (
            str(one.threshold),
            " / ".join(f"{share:.1%}" for share in one.teacher),
            " / ".join(f"{share:.1%}" for share in one.judge),
            f"{one.sensibility_jaccard:.2f} ({one.sensibility_chance:.2f})",
            f"{one.rationality_jaccard:.2f} ({one.rationality_chance:.2f})",
        )
        for one in figures.thresholds
    )
    heads = ("threshold", "teacher", "judge", "Jaccard sensibility", "Jaccard rationality")
    return (
        "## Selection on unseen dialogues\n\n"
        "Rule `paper`; shares are sensibility / rationality / discard. Jaccard compares a subset with the teacher's; "
        "in brackets what random subsets of the same sizes would have.\n\n" + write_table(heads, rows)
    )
