"""What a reader must know before believing the figures."""

from __future__ import annotations

from tasks.judges.validation.gathering import JudgedTurns
from tasks.judges.validation.named_scores import DISTILLED
from tasks.scoring import DIMENSIONS, DistilledJudge, read_bundled_agreement


def write_notes(judged: JudgedTurns) -> list[str]:
    """Return sentences on what the figures rest on; none if there is nothing to warn of."""
    notes = list(judged.basis)
    n_turns = len(judged.turns)
    if judged.n_common > n_turns:
        notes.append(f"measured on {n_turns:,} of {judged.n_common:,} common turns, drawn by the hash of their key")
    others = [*judged.judges, *([judged.reference.name] if judged.reference else [])]
    has_scores = len(judged.judges) > 1 or (judged.reference is not None and judged.reference.axes == DIMENSIONS)
    if DISTILLED in others and has_scores:
        unseen = read_bundled_agreement(DistilledJudge.load().digest)
        known = " / ".join(f"{unseen[name]:.2f}" for name in DIMENSIONS if name in unseen)
        notes.append(
            "the bundled judge was fitted to the released scores of EmpatheticDialogues valid: there it looks too good"
            + (f"; on unseen dialogues its Spearman with them is {known} (its card)" if known else "")
        )
    if judged.reference is not None and judged.reference.note:
        notes.append(judged.reference.note)
    if judged.reference is not None and judged.turns["system"].drop_nulls().n_unique() > 1:
        notes.append("the responses are of several systems: telling these apart looks like agreement; see each alone")
    return notes
