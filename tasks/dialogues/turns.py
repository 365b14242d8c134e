"""A dialogue as the turns that are scored: every listener utterance with all that was said before it."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.schema import Dialogue, Turn, make_turn_key


def iter_turns(dialogue: Dialogue) -> Iterator[tuple[int, Turn]]:
    """Yield each listener turn with its 1-based utterance index; a one-sided dialogue has none."""
    utterances = dialogue.utterances
    if len({role for role, _ in utterances}) < 2:
        return
    for position, (role, text) in enumerate(utterances):
        if role == "listener" and position > 0:
            context = utterances[:position]
            yield position + 1, Turn(make_turn_key(context, text), context, text)
