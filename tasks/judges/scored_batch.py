"""One batch of turns as columns: texts in, scores with their intervals out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.errors import SourceError
from tasks.schema import Turn, Utterance
from tasks.scoring import DIMENSIONS, DistilledJudge

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = ("prompt", "response")
"""Columns that a corpus must have: chat messages before the response, and the response."""
NO_RESPONSE = "no prompt or response"
OUTPUTS = {"sd": "deviations", "low": "low", "high": "high", "rank": "ranks"}


def name_columns() -> list[str]:
    """Return the columns that scoring adds."""
    scores = [name if not suffix else f"{name}_{suffix}" for suffix in ("", *OUTPUTS) for name in DIMENSIONS]
    return [*scores, "unscored_reason"]


def score_batch(judge: DistilledJudge, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch without its texts and with its scores; a turn that lacks a text has none, and a reason."""
    import pyarrow as pa

    prompts, responses = read_prompts(batch.column("prompt")), batch.column("response").to_pylist()
    is_whole = np.array([p is not None and r is not None for p, r in zip(prompts, responses, strict=True)], bool)
    # The judge reads what was said and not by whom: the roles stay unread.
    turns = [
        Turn("", tuple(Utterance("speaker", text or "") for text in prompt), response)
        for prompt, response in zip(prompts, responses, strict=True)
        if prompt is not None and response is not None
    ]
    scored = judge.score(turns)
    kept = [name for name in batch.schema.names if name not in TEXTS]
    columns = {name: batch.column(name) for name in kept}
    for suffix, field in {"": "scores", **OUTPUTS}.items():
        for position, dimension in enumerate(DIMENSIONS):
            values = np.full(len(is_whole), np.nan, np.float32)
            values[is_whole] = getattr(scored, field)[:, position]
            columns[f"{dimension}_{suffix}" if suffix else dimension] = pa.array(values, mask=~is_whole)
    columns["unscored_reason"] = pa.array([None if whole else NO_RESPONSE for whole in is_whole], pa.string())
    return pa.RecordBatch.from_pydict({name: columns[name] for name in (*kept, *name_columns())})


def read_prompts(prompts: pa.ListArray) -> list[list[str | None] | None]:
    """Return the texts of each prompt's messages, None for a prompt that is none; far faster than to_pylist."""
    texts = prompts.flatten().field("content").to_pylist()
    found: list[list[str | None] | None] = []
    start = 0
    for length in prompts.value_lengths().to_pylist():
        found.append(None if length is None else texts[start : start + length])
        start += length or 0
    return found


def check_columns(schema: pa.Schema, where: str) -> None:
    """Raise SourceError where a file does not hold turns, or holds what scoring would add."""
    import pyarrow as pa

    do = "give columns prompt (list of {role, content}) and response, as `empathy ingest` writes them"
    missing = [name for name in TEXTS if name not in schema.names]
    if missing:
        raise SourceError(f"The corpus has no column {missing[0]!r}.", where=where, do=do)
    doubled = [name for name in schema.names if schema.names.count(name) > 1]
    if doubled:
        raise SourceError(f"The corpus has two columns {doubled[0]!r}.", where=where, do="rename or drop one of them")
    prompt, response = (schema.field(name).type for name in TEXTS)
    is_list = pa.types.is_list(prompt) or pa.types.is_large_list(prompt)
    is_chat = is_list and pa.types.is_struct(prompt.value_type) and prompt.value_type.get_field_index("content") >= 0
    texts = (prompt.value_type.field("content").type, response) if is_chat else ()
    if not is_chat or not all(pa.types.is_string(text) or pa.types.is_large_string(text) for text in texts):
        raise SourceError(f"The corpus has prompts of {prompt} and responses of {response}.", where=where, do=do)
    taken = [name for name in name_columns() if name in schema.names]
    if taken:
        raise SourceError(f"The corpus has a column {taken[0]!r} already.", where=where, do="rename or drop it")
