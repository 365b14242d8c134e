"""A sample of turns in batches, with the groups that its tokens are looked at in: by subset and by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from tasks.experts import MASKED, TurnEncoder, collate
from tasks.router.batches import N_SAMPLED
from tasks.router.gate_sums import Group
from tasks.router.inspection import ALL, Batch, mean_gates_of
from tasks.router.pieces import split_pieces
from tasks.router.token_classes import RESPONSE_CLASSES, classify_pieces

if TYPE_CHECKING:
    from torch import Tensor, nn

PROMPT = "prompt"
KEYS = ("dialogue_id", "turn_key")


def inspect_gates(
    model: nn.Module, encoder: TurnEncoder, encoded: pl.DataFrame, rows: pl.DataFrame, batch_size: int
) -> dict[str, Any]:
    """Return a mixture's gates on a sample of turns, over all response tokens, by subset and by class of token.

    `encoded` are the turns as tokens (see `TrainingRows`), `rows` the same turns with their `subset`, if they have
    one. The result has `gates` (a list, an entry a router), `gates_by_subset` (response tokens) and `gates_by_class`
    (`prompt` and the classes of token_classes.py): lists by name. An entry is as `GateSums.describe` says.
    """
    if "subset" in rows.columns:
        names = rows.select(*KEYS, "subset").unique(KEYS, keep="first", maintain_order=True)
        encoded = encoded.join(names, on=KEYS, how="left", maintain_order="left")
    found = mean_gates_of(model, mark_batches(model, encoder, encoded, batch_size))
    in_order = sorted(found.items(), key=_order)

    def by(kind: str) -> dict[str, Any]:
        return {name: layers for (of, name), layers in in_order if of == kind}

    return {"gates": found.get(ALL, []), "gates_by_subset": by("subset"), "gates_by_class": by("class")}


def mark_batches(
    model: nn.Module, encoder: TurnEncoder, encoded: pl.DataFrame, batch_size: int
) -> Iterator[tuple[Batch, Mapping[Group, Tensor]]]:
    """Yield the batches of a sample, each with the members (rows, tokens) of every group by its kind and name."""
    import torch

    sample = encoded.sort("turn_key", "dialogue_id").head(N_SAMPLED).sort(pl.col("input_ids").list.len())
    for part in sample.iter_slices(batch_size):
        rows = part.to_dicts()
        batch = collate(rows, encoder.tokenizer.pad_token_id)
        is_response = batch["labels"] != MASKED
        names = [PROMPT, *RESPONSE_CLASSES]
        classes = torch.full(is_response.shape, -1)
        for row, tokens in zip(classes, rows, strict=True):
            found = [names.index(name) for name in classify_tokens(encoder, tokens)]
            row[: len(found)] = torch.tensor(found)
        groups: dict[Group, Tensor] = {ALL: is_response}
        groups |= {("class", name): classes == index for index, name in enumerate(names)}
        subsets = [row.get("subset") for row in rows]
        for subset in {name for name in subsets if name}:
            groups["subset", subset] = is_response & torch.tensor([name == subset for name in subsets])[:, None]
        where = next(model.parameters()).device
        yield ({name: value.to(where) for name, value in batch.items()},
               {group: is_member.to(where) for group, is_member in groups.items()})  # fmt: skip


def classify_tokens(encoder: TurnEncoder, row: Mapping[str, Any]) -> list[str]:
    """Return the class of every token of a turn: of its prompt, then of its response."""
    response = [token for token in row["labels"] if token != MASKED]
    pieces = split_pieces(encoder, response)
    classes = classify_pieces(pieces, [token in encoder.special_ids for token in response])
    return [PROMPT] * (len(row["labels"]) - len(response)) + list(classes)


def _order(entry: tuple[Group, object]) -> tuple[Any, ...]:
    """Return where a group stands: classes as they are listed, subsets with sensibility first."""
    kind, name = entry[0]
    known = ("", "sensibility", "rationality", "discard", PROMPT, *RESPONSE_CLASSES)
    return kind, known.index(name) if name in known else len(known), name
