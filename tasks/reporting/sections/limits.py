"""What the figures cannot say, worked out from the run itself."""

from __future__ import annotations

import polars as pl

from tasks.reporting.blocks import Bullets, Section
from tasks.reporting.material import Material
from tasks.reporting.sections.measures import Measures, read_measures
from tasks.reporting.sections.verdict import warn_of_overlap
from tasks.reporting.wording import count_of

SMALL_EVALUATION = 1000
"""Turns; the field's test split has 5,255."""
SHORT_TRAINING = 200
"""Steps; one epoch of the paper's sensibility subset has about 1,500."""
PAPER_BASE = "Meta-Llama-3-8B-Instruct"


def describe_limits(material: Material) -> Section:
    """Return the chapter on what this run does not show."""
    measures = {} if material.metrics is None else read_measures(material.metrics)
    points = [
        *limits_of_judge(material),
        *limits_of_training(material),
        *limits_of_evaluation(measures, material.comparisons),
        *limits_of_setup(material),
        "An automatic metric compares words with one human response. None of them measures empathy.",
    ]
    return Section("limits", "Limits", "What this run does not show.", [Bullets(points)])


def limits_of_judge(material: Material) -> list[str]:
    """Return what is to be said of the scores."""
    points = []
    if material.scores is not None:
        n = material.scores.select(pl.col("unscored_reason").count()).collect().item()
        if n:
            verb = "has" if n == 1 else "have"
            points.append(f"{count_of(n, 'turn')} {verb} no score. They are in no subset, and are not counted as low.")
    if material.inputs.config.get("judge", {}).get("kind") == "distilled":
        points.append(
            "The judge is a small regression model fitted to an LLM's scores: it copies their habits and mistakes."
        )
    if material.scores is not None:
        points.append(f"A score is one judge's opinion; {tell_trust(material)}")
    return points


def tell_trust(material: Material) -> str:
    """Say whether this report shows how well a judge agrees with people."""
    notes = material.inputs.judge_notes
    if notes and any("rating" in one.axes for one in notes.validations):
        return "how well one agrees with people stands under Judges, for the texts these people rated."
    return "nothing in this report says how well it agrees with people."


def limits_of_training(material: Material) -> list[str]:
    """Return what is to be said of how long was trained."""
    steps = {system: log.losses[-1][0] for system, log in material.logs.items() if log and log.losses}
    if not steps:
        return []
    points = ["One seed: the intervals cover the choice of turns, not how a second training would differ."]
    if min(steps.values()) < SHORT_TRAINING:
        points.append(
            f"The shortest training had {count_of(min(steps.values()), 'step')}: enough to see an effect, "
            "not to settle a claim."
        )
    return points


def limits_of_evaluation(measures: Measures, comparisons: pl.DataFrame | None) -> list[str]:
    """Return what is to be said of the comparison."""
    sizes = [measure.n for systems in measures.values() for measure in systems.values()]
    points = warn_of_overlap(measures, comparisons)
    if sizes and min(sizes) < SMALL_EVALUATION:
        points.append(
            f"Some metrics stand on only {count_of(min(sizes), 'turn')}. Intervals over so few turns are wide, "
            "and may still be too narrow."
        )
    if "perplexity" in measures:
        points.append("Perplexity compares models of one tokenizer only.")
    if "dist_1" in measures or "dist_2" in measures:
        points.append("Dist falls as responses are added: compare it at equal numbers only.")
    return points


def limits_of_setup(material: Material) -> list[str]:
    """Return what differs from the paper's set-up."""
    base = material.base_model
    if not base or base.endswith(PAPER_BASE):
        return []
    return [f"The base model is {base}, not the paper's Llama 3 8B: the figures do not reproduce the paper's."]
