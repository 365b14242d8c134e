"""The summary: what was done and found, in plain sentences, before any chart."""

from __future__ import annotations

import polars as pl

from tasks.reporting.material import Material, count_rows
from tasks.reporting.palette import style_of
from tasks.reporting.sections.measures import Measures, read_measures
from tasks.reporting.sections.routing import tell_routing
from tasks.reporting.sections.selection import count_subsets
from tasks.reporting.sections.verdict import tell_control
from tasks.reporting.wording import count_of, join_words, share_text

TOLD = ("sensibility", "rationality", "mixture", "union")


def summarise_report(material: Material) -> list[str]:
    """Return a few sentences on data, scores, selection and outcome, as far as there are any."""
    measures = {} if material.metrics is None else read_measures(material.metrics)
    return [
        *tell_data(material),
        *tell_selection(material),
        *tell_routing(material.routing),
        *tell_perplexity(measures),
        *tell_control(measures, material.comparisons),
    ] or ["Nothing has been made yet: this report has no artifact to show."]


def tell_data(material: Material) -> list[str]:
    """Say how much was read and scored."""
    parts = []
    if material.dialogues is not None and material.turns is not None:
        n_dialogues, n_turns = count_rows(material.dialogues), count_rows(material.turns)
        parts.append(f"{count_of(n_dialogues, 'dialogue')} gave {count_of(n_turns, 'listener turn')}.")
    if material.scores is not None:
        n, n_scored = material.scores.select(pl.len(), pl.col("sensibility").count()).collect().row(0)
        judge = f"The judge {material.inputs.judge_alias}".rstrip()
        parts.append(f"{judge} scored {n_scored:,} of {n:,} distinct turns.")
    return [" ".join(parts)] if parts else []


def tell_selection(material: Material) -> list[str]:
    """Say how the scored turns divide."""
    if material.subsets is None:
        return []
    counts = count_subsets(material.subsets)
    total = sum(counts.values())
    shares = join_words([f"{share_text(n, total)} {name}" for name, n in counts.items()])
    rule = material.selection.sentence()
    return [f"Of {count_of(total, 'scored turn')}, selection made {shares}" + (f" ({rule})." if rule else ".")]


def tell_perplexity(measures: Measures) -> list[str]:
    """Say what training did to the perplexity on held-out turns."""
    found = measures.get("perplexity", {})
    told = [f"{found[s].value:,.2f} for {style_of(s).spoken}" for s in TOLD if s in found]
    if "base" not in found or not told:
        return []
    base = found["base"]
    return [
        f"Perplexity on {count_of(base.n, 'held-out turn')} (lower is better): {base.value:,.2f} for the base model, "
        f"{join_words(told)}."
    ]
