"""What was said before a response, in whatever shape a file has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.schema import Role, Utterance

ROLES: dict[str, Role] = {"speaker": "speaker", "user": "speaker", "listener": "listener", "assistant": "listener"}


def read_context(value: Any) -> tuple[Utterance, ...]:
    """Return a context: one text of the speaker, or a list, which in a CSV is JSON.

    Of a list of texts the last is the speaker's, and the roles alternate; a list of messages has `role` and `content`
    or `text`. Raises ValueError where it is none of these.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        listed = _read_json_list(value)
        if listed is None:
            return (Utterance("speaker", value.strip()),) if value.strip() else ()
        value = listed
    if not isinstance(value, Sequence):
        raise ValueError("a context is a text or a list")
    return tuple(_read_message(message, len(value) - place) for place, message in enumerate(value))


def _read_message(message: Any, from_end: int) -> Utterance:
    if isinstance(message, str):
        return Utterance("speaker" if from_end % 2 else "listener", message.strip())
    if isinstance(message, Mapping):
        role, text = ROLES.get(str(message.get("role")).lower()), message.get("content", message.get("text"))
        if role and isinstance(text, str):
            return Utterance(role, text.strip())
    raise ValueError("a message of a context is a text, or has role and content")


def _read_json_list(text: str) -> list[Any] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # somebody's words in brackets
        return None
    return value if isinstance(value, list) else None
