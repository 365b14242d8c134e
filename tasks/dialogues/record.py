"""A dialogue as one record, `{"dialogue_id", "emotion", "situation", "turns": [{"role", "text"}], "split"}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.dialogues.conversation import MAX_UTTERANCES, Candidate
from tasks.dialogues.lines import Line
from tasks.dialogues.rejected import Reason, Rejected
from tasks.dialogues.source import SourceFile
from tasks.dialogues.splits import SPLIT_NAMES
from tasks.schema import Dialogue, Role, Split, Utterance

ROLES: dict[str, Role] = {"speaker": "speaker", "listener": "listener"}


class RecordError(ValueError):
    """A record, or one message of it, that cannot be used."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def assemble_record(record: object, line: Line, file: SourceFile) -> Candidate:
    """Return the dialogue of a record, up to its first message that cannot be used; the record keeps the reason."""
    reasons: list[Reason] = []
    dialogue_id = dialogue = None
    try:
        fields = _require_mapping(record)
        dialogue_id = _read_text(fields, "dialogue_id")
        emotion, situation = (_read_text(fields, name, default="") for name in ("emotion", "situation"))
        split = _read_split(fields) or file.split
        utterances, problem = _read_utterances(fields.get("turns"))
        reasons += [problem] if problem else []
        reasons += [Reason.ONE_SIDED] if len({role for role, _ in utterances}) == 1 else []
        if utterances:
            dialogue = Dialogue(dialogue_id, emotion, situation, tuple(utterances), split)
    except RecordError as error:
        reasons.append(error.reason)
    rejected = [Rejected(file.name, line.number, reason, line.text) for reason in reasons]
    return Candidate(line.end, dialogue_id, dialogue, [(line.number, line.text)], rejected)


def _require_mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RecordError(Reason.WRONG_TYPE)
    return value


def _read_text(fields: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a field as clean text; numbers are fine as an id. Raises RecordError with the reason."""
    value = fields.get(name)
    if value is None or value == "":
        if default is None:
            raise RecordError(Reason.MISSING_FIELD)
        return default
    if isinstance(value, int) and not isinstance(value, bool) and name == "dialogue_id":
        value = str(value)
    if not isinstance(value, str):
        raise RecordError(Reason.WRONG_TYPE)
    if "\0" in value:
        raise RecordError(Reason.NUL_BYTE)
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise RecordError(Reason.UNDECODABLE)
    return value.strip()


def _read_split(fields: Mapping[str, Any]) -> Split | None:
    name = _read_text(fields, "split", default="").lower()
    if name and name not in SPLIT_NAMES:
        raise RecordError(Reason.UNKNOWN_SPLIT)
    return SPLIT_NAMES.get(name)


def _read_utterances(turns: object) -> tuple[list[Utterance], Reason | None]:
    """Return the messages before the first that cannot be used, and what is wrong with that one."""
    if turns is None:
        raise RecordError(Reason.MISSING_FIELD)
    if not isinstance(turns, Sequence) or isinstance(turns, str | bytes):
        raise RecordError(Reason.WRONG_TYPE)
    utterances: list[Utterance] = []
    for turn in turns:
        if len(utterances) == MAX_UTTERANCES:
            return utterances, Reason.TOO_LONG
        try:
            utterances.append(_read_utterance(_require_mapping(turn)))
        except RecordError as error:
            return utterances, error.reason
    return utterances, None if utterances else Reason.NO_UTTERANCES


def _read_utterance(turn: Mapping[str, Any]) -> Utterance:
    role = _read_text(turn, "role").lower()
    if role not in ROLES:
        raise RecordError(Reason.UNKNOWN_ROLE)
    text = _read_text(turn, "text", default="")
    if not text:
        raise RecordError(Reason.EMPTY_TEXT if turn.get("text") is not None else Reason.MISSING_FIELD)
    return Utterance(ROLES[role], text)
