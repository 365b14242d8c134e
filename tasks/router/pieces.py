"""Tokens as the pieces of text they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from tasks.experts import TurnEncoder

UNFINISHED = "\ufffd"
"""What a decoder writes for the first bytes of a character whose last ones are in a later token."""


def split_pieces(encoder: TurnEncoder, ids: Sequence[int]) -> list[str]:
    """Return the text that each token adds to those before it; of tokens between special ones, joined, it is the text.

    A character that is spread over several tokens stands at its last one, the others are empty.
    """
    pieces: list[str] = []
    for is_special, run in groupby(ids, lambda token: token in encoder.special_ids):
        tokens = list(run)
        found = [decode(encoder, [token]) for token in tokens] if is_special else split_run(encoder, tokens)
        pieces += found
    return pieces


def split_run(encoder: TurnEncoder, ids: Sequence[int]) -> list[str]:
    """Return the pieces of tokens of which none is special."""
    pieces, done = [], 0
    for end in range(1, len(ids) + 1):
        text = decode(encoder, ids[:end])
        whole = text if end == len(ids) else text.rstrip(UNFINISHED)
        pieces.append(whole[done:])
        done = max(done, len(whole))
    return pieces


def decode(encoder: TurnEncoder, ids: Sequence[int]) -> str:
    """Return the text of tokens, with spaces as they are."""
    return str(encoder.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
