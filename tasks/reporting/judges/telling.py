"""The opening sentences of a page on judges."""

from __future__ import annotations

from tasks.reporting.judges.planes import tell
from tasks.reporting.judges.records import Measured
from tasks.reporting.wording import clip, count_of


def tell_turns(record: Measured) -> list[str]:
    """Return what was measured, and what must be known of it."""
    said = f"Measured on {count_of(record.n_turns, 'turn')} of {count_of(record.n_dialogues, 'dialogue')}; intervals "
    said += "are 95 %, over resampled dialogues."
    return [said, *(f"{note[:1].upper()}{note[1:]}." for note in list_notes(record))]


def list_notes(record: Measured) -> list[str]:
    """Return what must be known before believing the figures, each without a capital and a full stop."""
    return [clip(note, 400).removesuffix(".") for note in record.notes]


def tell_axes(record: Measured) -> list[str]:
    """Return, for each axis of the reference, how the judges' best score and the best baseline agree with it."""
    sentences = []
    for axis in record.axes:
        best = {}
        for kind in ("judge", "baseline"):
            rows = [row for row in record.agreement if (row.axis, row.kind) == (axis, kind)]
            known = [(row.spearman.value, row) for row in rows if row.spearman.value is not None]
            if known:
                # a count may as well be turned round; a judge that goes against people is no good one
                best[kind] = max(known, key=lambda pair: pair[0] if kind == "judge" else abs(pair[0]))[1]
        if len(best) == 2:
            judge, baseline = best["judge"], best["baseline"]
            who = " ".join(filter(None, [clip(judge.judge, 40), judge.predictor]))
            sentences.append(
                f"With the reference's {axis}: {who} reaches Spearman {tell(judge.spearman)}; the strongest naive "
                f"baseline, {baseline.predictor}, {tell(baseline.spearman)}."
            )
    return sentences
