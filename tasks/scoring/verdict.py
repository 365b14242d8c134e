"""What a reply to a comparison says: A, B or tie, or an error that says why it is none of them."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, get_args

from tasks.errors import ScoreParseError
from tasks.scoring.parsing import skip_thinking, split_objects

Verdict = Literal["A", "B", "tie"]
"""The first response is better, the second, or neither."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_WORD: dict[str, Verdict] = {verdict.lower(): verdict for verdict in VERDICTS}
_DRESS = r"[\s*_`\"'\[\]().#>-]{0,8}"
_BARE = re.compile(rf"{_DRESS}(?P<verdict>A|B|tie){_DRESS}", re.IGNORECASE)
_LABELLED = re.compile(rf"^{_DRESS}verdict{_DRESS}[:=](?P<rest>[^\n]*)$", re.IGNORECASE | re.MULTILINE)


def parse_verdict(text: str) -> Verdict:
    """Read a reply: the key `verdict` of its JSON, lines that begin with it, or one bare word.

    Raises ScoreParseError for a verdict that is missing, none of A, B and tie, or given twice with
    different values.
    """
    given: list[Any] = []

    def collect(pairs: list[tuple[str, Any]]) -> None:
        given.extend(value for key, value in pairs if key.strip().lower() == "verdict")

    start = skip_thinking(text)
    body = []
    for end, next_start in split_objects(text, start, json.JSONDecoder(object_pairs_hook=collect, strict=False)):
        body.append(text[start:end])
        start = next_start
    rest = "\n".join([*body, text[start:]])
    given += [match["rest"] for match in _LABELLED.finditer(rest)]
    verdicts = {_read_word(value) for value in given or [rest]}
    if len(verdicts) > 1:
        raise ScoreParseError(f"The reply contradicts itself: its verdict is {' and '.join(sorted(verdicts))}.")
    return verdicts.pop()


def _read_word(value: Any) -> Verdict:
    found = _BARE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ScoreParseError("The reply gives no verdict: A, B or tie.")
    return _WORD[found["verdict"].lower()]
