"""How far the bundled judge agrees with its teacher: what its card says, which cross-validation wrote."""

from __future__ import annotations

from tasks.scoring.distilled import BUNDLED_WEIGHTS


def read_bundled_agreement(weights_sha256: str) -> dict[str, float]:
    """Return Spearman's correlation with the teacher on unseen dialogues, by dimension; nothing for other weights."""
    text = BUNDLED_WEIGHTS.with_name("CARD.md").read_text(encoding="utf-8")
    if not weights_sha256 or f"`{weights_sha256}`" not in text:
        return {}
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line[:1] == "|"]
    start = next(at for at, row in enumerate(rows) if row[:2] == ["dimension", "Spearman"])
    return {dimension: float(value) for dimension, value, *_ in rows[start + 2 : start + 4]}
