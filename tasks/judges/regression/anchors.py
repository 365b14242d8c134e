"""Anchors: dialogues written for this project, what a good judge gives them, and variants that tell a judge apart."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tasks.bounded import Name, Place
from tasks.config import describe_errors
from tasks.errors import ConfigError
from tasks.judges.validation.places import expand_home
from tasks.schema import normalise_text

SHIPPED = Path(__file__).parent / "anchors"
FORM = "each [[anchor]] has id, emotion, names, context, response, sensibility, rationality, paraphrase"
Text = Annotated[Place, Field(min_length=1)]
Score = Annotated[float, Field(ge=0, le=10)]


class Anchor(BaseModel):
    """One dialogue, the ranges that its scores should be in, and its response changed in ways that have a meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="Name of the anchor: small letters, digits, dashes.")
    emotion: Name = Field(min_length=1, description="What the speaker feels.")
    names: tuple[Name, Name] = Field(description="A name that stands in the dialogue, and another to put in its place.")
    context: tuple[Text, ...] = Field(description="What was said before: speaker first and last.")
    response: Text = Field(description="The listener's response that is scored.")
    sensibility: tuple[Score, Score] = Field(description="Lowest and highest score that is expected.")
    rationality: tuple[Score, Score] = Field(description="Lowest and highest score that is expected.")
    paraphrase: Text = Field(description="The response in other words.")
    warmth_removed: Text | None = Field(
        default=None, description="The response without its warm clause, if it has one."
    )
    advice_to_sympathy: Text | None = Field(
        default=None, description="The response with sympathy in the place of its advice, if it has any."
    )

    @property
    def kind(self) -> str:
        """What the response offers, as its variants tell: both, warm, advice or neither."""
        is_warm, is_advice = self.warmth_removed is not None, self.advice_to_sympathy is not None
        return {(True, True): "both", (True, False): "warm", (False, True): "advice"}.get(
            (is_warm, is_advice), "neither"
        )

    @model_validator(mode="after")
    def _speaker_speaks_last(self) -> Self:
        if len(self.context) % 2 == 0:
            raise ValueError(f"context has {len(self.context)} texts: an odd number, speaker first and last, is needed")
        return self

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("sensibility", "rationality"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} goes from {low:g} down to {high:g}")
        return self

    @model_validator(mode="after")
    def _name_can_be_changed(self) -> Self:
        old, new = self.names
        texts = (*self.context, self.response)
        if not any(find_word(old, text) for text in texts):
            raise ValueError(f"the name {old!r} stands in none of the texts")
        if any(find_word(new, text) for text in texts):
            raise ValueError(f"the name {new!r} stands in the texts already")
        return self

    @model_validator(mode="after")
    def _variants_differ(self) -> Self:
        variants = {name: getattr(self, name) for name in ("paraphrase", "warmth_removed", "advice_to_sympathy")}
        for name, text in variants.items():
            if text is not None and normalise_text(text) == normalise_text(self.response):
                raise ValueError(f"{name} is the response itself")
        return self


def find_word(word: str, text: str) -> bool:
    """Say whether a word stands in a text as a whole."""
    return re.search(make_pattern(word), text) is not None


def make_pattern(word: str) -> str:
    """Return the pattern of a word as a whole: `Ann` is in "Ann's", and not in "Anna"."""
    return rf"(?<!\w){re.escape(word)}(?!\w)"


def read_anchors(place: str = "") -> list[Anchor]:
    """Return the anchors of a file, or of every .toml of a folder in the order of their names; ours if nothing is said.

    Raises UsageError for a place without anchors, and for an anchor that is wrong, naming file, anchor and field.
    """
    path = expand_home(place) if place else SHIPPED
    anchors = [anchor for file in find_files(path) for anchor in read_file(file)]
    counts = Counter(anchor.id for anchor in anchors)
    doubled = [name for name, n in counts.items() if n > 1]
    if doubled:
        raise ConfigError(f"Two anchors have the name {doubled[0]!r}.", where=str(path), do="name each once")
    if not anchors:
        raise ConfigError("There are no anchors here.", where=str(path), do=FORM)
    return anchors


def find_files(path: Path) -> Sequence[Path]:
    """Return the files that a place names. Raises ConfigError if there are none."""
    try:
        files = sorted(path.glob("*.toml")) if path.is_dir() else [path] * path.is_file()
    except OSError:  # a name that is too long to ask for
        files = []
    if not files:
        raise ConfigError(
            "There are no anchors here.", where=str(path)[:300], do="name a .toml file, or a folder of such files"
        )
    return files


def read_file(path: Path) -> Iterator[Anchor]:
    """Yield the anchors of one file. Raises ConfigError for what is none."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"The anchors cannot be read: {error}", where=str(path), do=FORM) from None
    entries = content.pop("anchor", None)
    if content or not isinstance(entries, list):
        raise ConfigError("A file of anchors is a list of [[anchor]], and nothing else.", where=str(path), do=FORM)
    for number, entry in enumerate(entries, 1):
        yield parse_anchor(entry, path, number)


def parse_anchor(entry: Any, path: Path, number: int) -> Anchor:
    """Return one anchor. Raises ConfigError naming what is wrong with it."""
    try:
        return Anchor.model_validate(entry)
    except ValidationError as error:
        name = entry.get("id") if isinstance(entry, dict) else None
        raise ConfigError(
            f"Anchor {number} ({name or 'without an id'}) is wrong: {describe_errors(error)}", where=str(path), do=FORM
        ) from None
