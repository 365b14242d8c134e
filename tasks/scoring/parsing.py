"""What a judge's reply says: exactly one sensibility and one rationality from 0 to 10, or an error that says why."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.errors import ScoreParseError

# A label, decoration, a separator, and what stands where the number should be: all on one line, and every
# repetition bounded, so that a reply of any length is read in linear time. The first letter stands apart from
# (?i:...), so that the search can leap to it: half the time of a reply.
_LABEL = re.compile(
    r"(?P<label>[SsRr](?<![^\W_].)(?i:(?<=s)ensibility|(?<=r)ationality))(?:[^\S\n]{1,4}(?i:score|rating|is)\b){0,3}"
    r"(?:[^\S\n]?\((?:0[^\S\n]?(?i:-|–|to)|(?i:out of))[^\S\n]?10\))?"
    r"(?:[^\S\n]|[*_`\"'()\[\]]){0,8}(?:[:=|–—]|-(?=[\s*_]))?(?:[^\S\n]|[*_`\"'()\[\]]){0,8}"
    r"(?P<number>-?\d+(?:\.\d+)?)(?=(?P<rest>[^\n]{0,24}))"
)
_SCALE = re.compile(r"^[\s*_`]*(?:/|out of\b)\s*(?P<top>[\w.]+)", re.IGNORECASE)
_SECOND_NUMBER = re.compile(
    r"^[\s*_`(]*(?:[,;/~→±]|[-–—=]+>?|\.{2,}|to\b|or\b|and\b)?(?:[\s*_`]|or\b|maybe\b|perhaps\b)*\d", re.IGNORECASE
)
_HEDGE = "or|no|to|wait|maybe|perhaps|possibly|probably|rather|actually|could|might|may|make"
_SECOND_THOUGHT = re.compile(
    rf"(?:[\s*_`]{{0,4}}(?:/|out of\b)\s{{0,4}}10)?[\W_]{{0,8}}\b(?:{_HEDGE})[\W_]{{1,8}}"
    rf"(?:(?:{_HEDGE}|also|even|be|it|that|an?)[\W_]{{1,8}}){{0,4}}\d",
    re.IGNORECASE,
)
_GLUED = re.compile(r"^(?:_*[^\W_]|\s*%|\.\d)")
_OBJECT_START = re.compile(r"\{\s*[\"']")
_QUOTED_NUMBER = re.compile(r"\s*-?\d{1,9}(\.\d{1,32})?(\s*/\s*10)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ParsedScores:
    """A pair of scores from 0 to 10, with standard deviations where the judge gave them."""

    sensibility: float
    rationality: float
    sensibility_sd: float | None = None
    rationality_sd: float | None = None


def parse_reply(text: str) -> ParsedScores:
    """Read a reply: the keys of JSON objects, never words in their sentences, and the form in its usual dresses.

    Raises ScoreParseError for a score that is missing, out of range, not a number, given on another
    scale than 0 to 10, or given twice with different values anywhere in the reply.
    """
    values: dict[str, list[Any]] = {}

    def collect(pairs: list[tuple[str, Any]]) -> None:
        for key, value in pairs:
            values.setdefault(key.strip().lower(), []).append(value)

    start = skip_thinking(text)
    if "{" in text:
        for end, next_start in split_objects(text, start, json.JSONDecoder(object_pairs_hook=collect, strict=False)):
            _read_form(text[start:end], values)
            start = next_start
    _read_form(text[start:] if start else text, values)
    return ParsedScores(
        sensibility=_check_score("sensibility", values),
        rationality=_check_score("rationality", values),
        sensibility_sd=_check_sd("sensibility_sd", values),
        rationality_sd=_check_sd("rationality_sd", values),
    )


def skip_thinking(text: str) -> int:
    """Return where the answer starts: after a reasoning model's own `<think>` block, of which nothing is an answer."""
    if not text.lstrip().startswith("<think>"):
        return 0
    end = text.find("</think>")
    return len(text) if end < 0 else end + len("</think>")


def split_objects(text: str, start: int, decoder: json.JSONDecoder) -> Iterator[tuple[int, int]]:
    """Yield where each JSON object from `start` on begins and ends. Raises ScoreParseError for a broken one."""
    while match := _OBJECT_START.search(text, start):
        try:
            _, start = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            raise ScoreParseError("The reply starts a JSON object that is not one.") from None
        yield match.start(), start


def find_labels(text: str, start: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
    """Yield every label with a number beside it (groups `label`, `number`) in what is not JSON."""
    return _LABEL.finditer(text, start, len(text) if end is None else end)


def _read_form(body: str, values: dict[str, list[Any]]) -> None:
    for match in _LABEL.finditer(body):
        label, number, rest = match.group("label", "number", "rest")
        if rest and not rest.isspace():
            _check_rest(label, rest)
        if _SECOND_THOUGHT.match(body, match.end()):
            raise ScoreParseError(f"{label} is given as two numbers.")
        values.setdefault(label.lower(), []).append(number)


def _check_rest(label: str, rest: str) -> None:
    """Refuse a number that goes on: another scale, a second number, a word."""
    scale = _SCALE.match(rest)
    if scale:
        if scale["top"].strip("._").lower() not in ("10", "10.0", "ten"):
            raise ScoreParseError(f"{label} is given out of {scale['top']}, not out of 10.")
        rest = rest[scale.end() :]
    if _SECOND_NUMBER.match(rest):
        raise ScoreParseError(f"{label} is given as two numbers.")
    if _GLUED.match(rest):
        raise ScoreParseError(f"{label} is followed by something that is not a score.")


def _check_score(name: str, values: dict[str, list[Any]]) -> float:
    given = values.get(name, [])
    if not given:
        raise ScoreParseError(f"The reply gives no {name}.")
    numbers = {_to_number(name, value) for value in given}
    if len(numbers) > 1:
        raise ScoreParseError(f"The reply contradicts itself: {name} is {sorted(numbers)}.")
    number = numbers.pop()
    if not 0 <= number <= 10:
        raise ScoreParseError(f"{name} is {number:g}, outside 0 to 10.")
    return number + 0.0  # no negative zero


def _check_sd(name: str, values: dict[str, list[Any]]) -> float | None:
    given = [value for value in values.get(name, []) if value is not None]
    if not given:
        return None
    number = _to_number(name, given[0])
    if number < 0:
        raise ScoreParseError(f"{name} is negative.")
    return number


def _to_number(name: str, value: Any) -> float:
    if isinstance(value, str):
        if not _QUOTED_NUMBER.fullmatch(value):
            raise ScoreParseError(f"{name} is not a number.")
        value = float(value.split("/")[0])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScoreParseError(f"{name} is not a number.")
    try:
        number = float(value)
    except OverflowError:
        raise ScoreParseError(f"{name} is not a finite number.") from None
    if not math.isfinite(number):
        raise ScoreParseError(f"{name} is not a finite number.")
    return number
