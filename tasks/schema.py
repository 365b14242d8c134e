"""The records that pass between stages: frozen, small, and free of any library's types."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from tasks.bounded import Place, title_field

Role = Literal["speaker", "listener"]
Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


class Subset(StrEnum):
    """Where selection puts a turn."""

    SENSIBILITY = "sensibility"
    RATIONALITY = "rationality"
    DISCARD = "discard"


class Utterance(NamedTuple):
    """One message of a dialogue."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue as a source gave it; `split` is None until the ingest decides."""

    dialogue_id: str
    emotion: str
    situation: str
    utterances: tuple[Utterance, ...]
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The unit that is scored: everything said so far, and the listener's response."""

    turn_key: str
    context: tuple[Utterance, ...]
    response: str


class ArtifactRef(BaseModel):
    """What passes between tasks: where an artifact is and what it holds, never the thing itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", field_title_generator=title_field)

    kind: str = Field(
        pattern="^[a-z-]{1,40}$", description="Kind of the artifact: dialogues, scores, subsets, expert, ..."
    )
    uri: Place = Field(description="Directory of the artifact, a local path or an s3:// URL.")
    sha256: str = Field(pattern="^[0-9a-f]{1,64}$", description="Hash over the hashes of its files.")
    n_rows: int = Field(ge=0, le=2**53 - 1, description="Rows of its main table, 0 for a model.")
    config_digest: str = Field(
        pattern="^[0-9a-f]{1,64}$", description="Digest of everything that went in: the name of its directory."
    )


def normalise_text(text: str) -> str:
    """Fold Unicode composition (NFC) and white space, the differences no reader sees."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def make_turn_key(context: Sequence[Utterance], response: str) -> str:
    """Return the sha256 (64 hex digits) that joins a turn to its scores wherever the turn stands."""
    parts = [[role, normalise_text(text)] for role, text in context]
    return hashlib.sha256(canonical_json([parts, normalise_text(response)])).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Encode a value so that equal values give equal bytes: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(value: Mapping[str, Any]) -> str:
    """Return the 32-hex-digit digest that names whatever was made from `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:32]
