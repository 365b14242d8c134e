"""Most turns of one kind in a subset; those with the best scores on its axis stay."""

from __future__ import annotations

from tasks.config import SelectionConfig
from tasks.selection.rules.ranking import BY_CONTENT

BAND_ENDS = (5, 10, 15, 20, 30)
LENGTH_BAND = (
    "CASE "
    + " ".join(
        f"WHEN n_words <= {end} THEN '{start + 1}-{end}'"
        for start, end in zip((0, *BAND_ENDS), BAND_ENDS, strict=False)
    )
    + f" ELSE '{BAND_ENDS[-1] + 1}+' END"
)
"""SQL: the band of lengths, in words, that a response falls into."""


def apply_quotas(turns: str, selection: SelectionConfig) -> str:
    """Return SQL for `turns` after the quotas, one after the other: each counts what the one before left."""
    quotas = (
        ("emotion", "emotion", selection.max_per_emotion),
        ("utterance_idx", "place in the dialogue", selection.max_per_position),
        (LENGTH_BAND, "band of lengths", selection.max_per_length_band),
    )
    for group, name, most in quotas:
        if most is not None:
            turns = _cap(turns, group, f"modifier: over {most:,} of one {name}", most)
    return turns


def _cap(turns: str, group: str, why: str, most: int) -> str:
    score = "CASE subset WHEN 'sensibility' THEN s ELSE r END"
    placed = (
        f"SELECT *, subset IN ('sensibility', 'rationality') AND row_number() OVER "  # noqa: S608 - our own expressions and whole numbers
        f"(PARTITION BY subset, {group} ORDER BY {score} DESC, {BY_CONTENT}) > {most} AS is_over FROM ({turns})"
    )
    return (
        "SELECT * EXCLUDE (is_over) REPLACE (CASE WHEN is_over THEN 'discard' ELSE subset END AS subset, "  # noqa: S608 - as above
        f"CASE WHEN is_over THEN '{why}' ELSE reason END AS reason) FROM ({placed})"
    )
