"""What a judge's reply says: exactly one sensibility and one rationality from 0 to 10, or an error that says why."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from tasks.errors import ScoreParseError

# A label, decoration, a separator, and what stands where the number should be: all on one line, and every
# repetition bounded, so that a reply of any length is read in linear time.
_LABEL = re.compile(
    r"(?<![^\W_])(?P<label>sensibility|rationality)(?:[^\S\n]{1,4}(?:score|rating|is)\b){0,3}"
    r"(?:[^\S\n]?\((?:0[^\S\n]?(?:-|–|to)|out of)[^\S\n]?10\))?"
    r"(?:[^\S\n]|[*_`\"'()\[\]]){0,8}(?:[:=|–—]|-(?=[\s*_]))?(?:[^\S\n]|[*_`\"'()\[\]]){0,8}"
    r"(?P<number>-?\d+(?:\.\d+)?)(?=(?P<rest>[^\n]{0,24}))",
    re.IGNORECASE,
)
_SCALE = re.compile(r"^[\s*_`]*(?:/|out of\b)\s*(?P<top>[\w.]+)", re.IGNORECASE)
_SECOND_NUMBER = re.compile(
    r"^[\s*_`(]*(?:[,;/~→±]|[-–—=]+>?|\.{2,}|to\b|or\b|and\b)?(?:[\s*_`]|or\b|maybe\b|perhaps\b)*\d", re.IGNORECASE
)
_GLUED = re.compile(r"^(?:_*[^\W_]|\s*%|\.\d)")


@dataclass(frozen=True, slots=True)
class ParsedScores:
    """A pair of scores from 0 to 10, with standard deviations where the judge gave them."""

    sensibility: float
    rationality: float
    sensibility_sd: float | None = None
    rationality_sd: float | None = None


def parse_reply(text: str) -> ParsedScores:
    """Read a reply: a JSON object, or the filled-in form in any of its usual dresses.

    Raises ScoreParseError for a score that is missing, out of range, not a number, given on another
    scale than 0 to 10, or given twice with different values.
    """
    body = _strip_fence(text.strip())
    values = _read_json(body) if body.startswith("{") else _read_form(body)
    return ParsedScores(
        sensibility=_check_score("sensibility", values),
        rationality=_check_score("rationality", values),
        sensibility_sd=_check_sd("sensibility_sd", values),
        rationality_sd=_check_sd("rationality_sd", values),
    )


def _strip_fence(body: str) -> str:
    """Return what stands between a first and a last line of three backticks, or all of it."""
    if len(body) < 6 or not (body.startswith("```") and body.endswith("```")):
        return body
    language, newline, rest = body[3:-3].partition("\n")
    return (rest if newline else language).strip()


def _read_json(body: str) -> dict[str, list[Any]]:
    """Return every value of every key, and of every label after the object, so that a second opinion is seen."""
    values: dict[str, list[Any]] = {}

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, value in pairs:
            values.setdefault(key.strip().lower(), []).append(value)
        return dict(pairs)

    try:
        _, end = json.JSONDecoder(object_pairs_hook=collect).raw_decode(body)
    except (ValueError, RecursionError):
        raise ScoreParseError("The reply starts like a JSON object and is not one.") from None
    for label, given in _read_form(body[end:]).items():
        values.setdefault(label, []).extend(given)
    return values


def _read_form(body: str) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for match in _LABEL.finditer(body):
        rest = match["rest"]
        scale = _SCALE.match(rest)
        if scale:
            if scale["top"].strip("._").lower() not in ("10", "10.0", "ten"):
                raise ScoreParseError(f"{match['label']} is given out of {scale['top']}, not out of 10.")
            rest = rest[scale.end() :]
        if _SECOND_NUMBER.match(rest):
            raise ScoreParseError(f"{match['label']} is given as two numbers.")
        if _GLUED.match(rest):
            raise ScoreParseError(f"{match['label']} is followed by something that is not a score.")
        values.setdefault(match["label"].lower(), []).append(match["number"])
    return values


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
        if not re.fullmatch(r"\s*-?\d{1,9}(\.\d{1,32})?(\s*/\s*10)?\s*", value, re.ASCII):
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
