"""Finer scores than the ones written: the expected value over a score's tokens, or the mean of several replies."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from statistics import fmean, stdev
from typing import Any

from tasks.errors import ScoreParseError
from tasks.scoring.parsing import ParsedScores, find_labels, parse_reply, skip_thinking, split_objects

_WHOLE = {str(number): number for number in range(11)}
_DIGIT = re.compile(r"[0-9]")
_UNSEEN = re.compile(r"[^!-~]+")
"""All but printable ASCII: white space, marks of it (▁, Ġ), and letters whose bytes stand in several tokens."""
_BYTES = re.compile(r"(?:bytes:)?(?:\\x[0-9a-fA-F]{2})+|<0x[0-9A-Fa-f]{2}>")
_SPACING = re.compile(r"[^!-~]|[\"'*_`]")
_CANDIDATE = re.compile(r"[^0-9A-Za-z]*(?P<number>10|[0-9])(?![0-9A-Za-z]|\.[0-9])")
_ZERO = re.compile(r"0(?![0-9A-Za-z]|\.[0-9])")
_JSON_KEY = re.compile(
    r"\"(?P<key>(?:[^\"\\]|\\.)*+)\"\s*"
    r"(?::\s*(?:\"\s*(?P<quoted>-?\d+(?:\.\d+)?)(?:\s*/\s*10)?\s*\"|(?P<bare>-?\d+(?:\.\d+)?)))?",
    re.DOTALL,
)
_DECODER = json.JSONDecoder(strict=False)


def compact_logprobs(content: Iterable[dict[str, Any]]) -> list[list[Any]]:
    """Return `choices[0].logprobs.content` as [[token, {candidate: log-probability}], ...], empty without candidates.

    Candidates are kept where a score can stand: of a token that holds a digit, and of the one after a "1", which
    says whether a "0" was to follow. The token itself is among them also where the endpoint did not list it.
    """
    compact: list[list[Any]] = []
    before = ""
    for entry in content:
        token, listed = str(entry["token"]), entry.get("top_logprobs") or []
        candidates: dict[str, float] = {}
        if listed and (_DIGIT.search(token) or before.endswith("1")):
            for candidate in (*listed, entry):
                log_probability = candidate.get("logprob")
                if log_probability is not None and math.isfinite(log_probability):
                    candidates.setdefault(str(candidate["token"]), round(log_probability, 5))
        compact.append([token, candidates])
        before = token or before
    return compact if any(candidates for _, candidates in compact) else []


def expect_scores(reply: str, logprobs: Sequence[Sequence[Any]]) -> ParsedScores:
    """Return expected value and standard deviation of each score over its token's candidates, as compacted above.

    The candidates' probabilities are renormalised over the whole numbers 0 to 10 (as in G-Eval, arXiv 2303.16634,
    with the sum over what was listed), since some endpoints give those before the grammar. A score written with
    decimals keeps its value, without a standard deviation.
    Raises ScoreParseError where the reply does not parse, where the tokens are not the reply's, or where no
    candidate is a whole number from 0 to 10.
    """
    written = parse_reply(reply)
    numbers = _locate_numbers(reply)
    tokens = _Tokens.align(reply, logprobs)
    found = {}
    for name in ("sensibility", "rationality"):
        if name not in numbers:
            raise ScoreParseError(f"The place of {name} in the reply is not clear.")
        start, end = numbers[name]
        number, value = reply[start:end], getattr(written, name)
        found[name] = _expect(name, number, tokens, start) if _WHOLE.get(number) == value else (value, None)
    (sensibility, sensibility_sd), (rationality, rationality_sd) = found.values()
    return ParsedScores(sensibility, rationality, sensibility_sd, rationality_sd)


def pool_samples(samples: Sequence[ParsedScores]) -> ParsedScores:
    """Return mean and sample standard deviation (n - 1; None for one) of several replies' scores.

    Raises ScoreParseError where there are none.
    """
    if not samples:
        raise ScoreParseError("There is no sample to take the mean of.")
    columns = [[sample.sensibility for sample in samples], [sample.rationality for sample in samples]]
    means = [fmean(column) for column in columns]
    return ParsedScores(*means, *(stdev(column) if len(column) > 1 else None for column in columns))


def _locate_numbers(reply: str) -> dict[str, tuple[int, int]]:
    """Return where each dimension's number first stands in a reply that parses: beside a key or a label."""
    spans: dict[str, tuple[int, int]] = {}
    start = skip_thinking(reply)
    ends = [*split_objects(reply, start, _DECODER), (len(reply), len(reply))]
    for object_start, object_end in ends:
        for match in find_labels(reply, start, object_start):
            spans.setdefault(match["label"].lower(), match.span("number"))
        for match in _JSON_KEY.finditer(reply, object_start, object_end):
            group = "bare" if match["bare"] else "quoted"
            if match[group]:
                spans.setdefault(match["key"].strip().lower(), match.span(group))
        start = object_end
    return spans


@dataclass(frozen=True, slots=True)
class _Tokens:
    """A reply's tokens, and where each begins among the reply's printable ASCII signs."""

    tokens: list[str]
    candidates: list[dict[str, float]]
    begins: list[int]
    reply: str
    offset: int
    """Of the reply's first sign among the tokens' signs: reasoning may stand before it."""

    @classmethod
    def align(cls, reply: str, logprobs: Sequence[Sequence[Any]]) -> _Tokens:
        tokens = [token for token, _ in logprobs]
        seen = [_see(token) for token in tokens]
        offset = "".join(seen).rfind(_UNSEEN.sub("", reply))
        if offset < 0:
            raise ScoreParseError("The log-probabilities are not those of this reply.")
        return cls(tokens, [some for _, some in logprobs], [0, *accumulate(map(len, seen))], reply, offset)

    def find(self, start: int) -> tuple[int, str]:
        """Return the token that holds the reply's sign at `start`, and what of it stands before that sign."""
        position = self.offset + len(_UNSEEN.sub("", self.reply[:start]))
        index = bisect_right(self.begins, position) - 1
        token = self.tokens[index]
        signs = [place for place, sign in enumerate(token) if "!" <= sign <= "~"]
        return index, token[: signs[position - self.begins[index]]]

    def after(self, index: int) -> dict[str, float]:
        """Return the candidates for the next token that is not empty."""
        later = range(index + 1, len(self.tokens))
        return next((self.candidates[place] for place in later if self.tokens[place]), {})

    def write_ten_whole(self) -> bool:
        """Say whether the reply shows that "10" is one token here."""
        return any(_read_candidate(each, "")[0] == 10 for some in self.candidates for each in some)


@lru_cache(maxsize=4096)  # a few tokens make most replies, here and below
def _see(token: str) -> str:
    """Return the printable ASCII signs of a token, none for bytes of another sign."""
    return "" if _BYTES.fullmatch(token) else _UNSEEN.sub("", token)


def _expect(name: str, number: str, tokens: _Tokens, start: int) -> tuple[float, float]:
    """Return mean and standard deviation over the candidates of the token in which a number begins."""
    index, before = tokens.find(start)
    token, candidates = tokens.tokens[index], tokens.candidates[index]
    whole: dict[int, list[float]] = defaultdict(list)
    ones: list[float] = []  # candidates that end in their "1": a "0" may follow
    for candidate, log_probability in candidates.items():
        value, is_open = _read_candidate(candidate, before)
        if value == 1 and is_open:
            ones.append(log_probability)
        elif value is not None:
            whole[value].append(log_probability)
    top = max((weight for weights in (ones, *whole.values()) for weight in weights), default=None)
    if top is None:
        raise ScoreParseError(f"No candidate for {name} is a whole number from 0 to 10.")
    masses = {value: math.fsum(math.exp(each - top) for each in weights) for value, weights in whole.items()}
    open_mass = math.fsum(math.exp(each - top) for each in ones)
    if open_mass:
        is_on_path = token == f"{before}1"
        share = _share_of_ten(number, tokens.after(index)) if is_on_path else _guess_share_of_ten(masses, tokens)
        masses[1] = masses.get(1, 0.0) + open_mass * (1 - share)
        masses[10] = masses.get(10, 0.0) + open_mass * share
    return _moments(masses)


@lru_cache(maxsize=4096)
def _read_candidate(candidate: str, before: str) -> tuple[int | None, bool]:
    """Return the score a candidate stands for in a token's place, if any, and whether it ends with its digits."""
    match = _CANDIDATE.match(candidate, len(before) if candidate.startswith(before) else 0)
    if not match or _SPACING.sub("", candidate[: match.start("number")]) != _SPACING.sub("", before):
        return None, False
    return _WHOLE[match["number"]], match.end() == len(candidate)


def _share_of_ten(number: str, candidates: dict[str, float]) -> float:
    """Return how likely a "0" follows the "1" that was written, among what ends the number as 1 or as 10."""
    top = max(candidates.values(), default=0.0)
    zero = math.fsum(math.exp(value - top) for each, value in candidates.items() if _ZERO.match(each))
    end = math.fsum(math.exp(value - top) for each, value in candidates.items() if not _DIGIT.match(each))
    return zero / (zero + end) if zero + end else float(number == "10")


def _guess_share_of_ten(masses: dict[int, float], tokens: _Tokens) -> float:
    """Return 1 or 0 for a "1" that was not written, so that nobody knows what would have followed.

    It stands for 1 where "10" is seen to be one token; else for whichever of 1 and 10 is nearer to the mean of the
    other candidates, for in a vocabulary of single digits the "1" beside an 8 and a 9 begins a 10.
    """
    if not any(masses.values()) or tokens.write_ten_whole():
        return 0.0
    return float(_moments(masses)[0] > (1 + 10) / 2)


def _moments(masses: dict[int, float]) -> tuple[float, float]:
    total = math.fsum(masses.values())
    mean = math.fsum(value * mass for value, mass in masses.items()) / total
    variance = math.fsum(mass * (value - mean) ** 2 for value, mass in masses.items()) / total
    return min(10.0, max(0.0, mean)), math.sqrt(variance)
