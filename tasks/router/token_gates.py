"""The gate of every token of a response, and of a few dialogues, to be looked at token by token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from tasks.experts import TurnEncoder
from tasks.router.compose import get_spec
from tasks.router.inspection import record_gates
from tasks.router.pieces import split_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

GATES_FILE = "token_gates.json"
N_DIALOGUES = 6
DIGITS = 4


class TokenGate(NamedTuple):
    """A token's text and its gate: the share of the first expert, the mean over all routers."""

    text: str
    gate: float


def trace_response(
    model: nn.Module, encoder: TurnEncoder, messages: Sequence[Mapping[str, str]], response: str, max_length: int = 4096
) -> list[TokenGate]:
    """Return the tokens of a response to `messages` with their gates; its end marker is left out.

    One pass over prompt and response as training renders them. The prompt is cut to fit `max_length` tokens as
    training cuts it; an empty response, or one that leaves no room for a prompt, has no tokens.
    Raises ConfigError for a model that is no mixture.
    """
    import torch

    get_spec(model)
    answer = encoder.encode_response(messages, response)
    fitted = encoder.fit_prompt(messages, max_length - len(answer)) if answer else None
    if fitted is None:
        return []
    ids = torch.tensor([[*fitted[0], *answer]], device=next(model.parameters()).device)
    with torch.no_grad(), record_gates(model) as gates:
        model(input_ids=ids, use_cache=False, logits_to_keep=1)
    means = torch.stack([found[-len(answer) :, 0] for found in gates.values()]).mean(0).tolist()
    tokens = zip(split_pieces(encoder, answer), means, answer, strict=True)
    return [TokenGate(text, mean) for text, mean, token in tokens if token not in encoder.special_ids]


def write_token_gates(
    model: nn.Module,
    encoder: TurnEncoder,
    seen: pl.DataFrame,
    held_out: pl.DataFrame | None,
    folder: Path,
    max_length: int,
) -> None:
    """Write `token_gates.json`: the listener turns of at most six dialogues, token by token.

    They are of the turns `held_out`, or of those `seen` in training where there are none. The file holds `expert`
    (whose gate it is), `is_held_out`, and `dialogues`: their `dialogue_id` and `turns`, each with `turn_key`, `said`
    (what it answers) and `tokens`, pairs of text and gate. Both frames are as `pick_shown` takes them.
    """
    is_held_out = held_out is not None and not held_out.is_empty()
    chosen = pick_shown(held_out if held_out is not None and is_held_out else seen)
    dialogues: dict[str, list[dict[str, Any]]] = {}
    for row in chosen.iter_rows(named=True):
        tokens = trace_response(model, encoder, row["prompt"], row["response"], max_length)
        shown = {
            "turn_key": row["turn_key"],
            "said": row["prompt"][-1]["content"],
            "tokens": [[text, round(gate, DIGITS)] for text, gate in tokens],
        }
        dialogues.setdefault(row["dialogue_id"], []).append(shown)
    record = {
        "expert": get_spec(model).experts[0],
        "is_held_out": is_held_out,
        "dialogues": [{"dialogue_id": key, "turns": found} for key, found in dialogues.items()],
    }
    (folder / GATES_FILE).write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


def pick_shown(turns: pl.DataFrame) -> pl.DataFrame:
    """Return the turns of a few dialogues in their order: dialogue_id, turn_key, prompt, response.

    `turns` hold either `response` or `completion`. The choice depends on what they say alone: the dialogues with the
    least turn keys, which are hashes.
    """
    if "response" not in turns.columns:
        turns = turns.with_columns(response=pl.col("completion").list.first().struct.field("content"))
    turns = turns.unique(["dialogue_id", "turn_key"], keep="first", maintain_order=True)
    least = turns.group_by("dialogue_id").agg(least=pl.col("turn_key").min()).sort("least", "dialogue_id")
    chosen = turns.join(least.head(N_DIALOGUES), on="dialogue_id")
    length = pl.col("prompt").list.len()
    return chosen.sort("least", "dialogue_id", length, "turn_key").select(
        "dialogue_id", "turn_key", "prompt", "response"
    )


def read_turns(folders: Sequence[Path], keys: pl.DataFrame) -> pl.DataFrame:
    """Return the turns of dialogues artifacts whose dialogue_id and turn_key stand in `keys`."""
    columns = ["dialogue_id", "turn_key", "prompt", "response"]
    found = [pl.scan_parquet(folder / "turns.parquet", glob=False).select(columns) for folder in folders]
    wanted = keys.select("dialogue_id", "turn_key").unique().lazy()
    return pl.concat(found).join(wanted, on=["dialogue_id", "turn_key"], how="semi").collect()
