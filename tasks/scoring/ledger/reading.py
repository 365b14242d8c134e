"""What an attempt says: alone, or (samples) together with the turn's others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from tasks.errors import ScoreParseError
from tasks.scoring.expected import expect_scores, pool_samples
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt
from tasks.scoring.parsing import ParsedScores, parse_reply
from tasks.scoring.reasons import NO_LOGPROBS, UNPARSEABLE
from tasks.scoring.verdict import parse_verdict

SampleCall = tuple[str, str | None, Sequence[str] | None, str | None]
"""A call for samples: turn_key, reply, choices, error class."""


class Reading(NamedTuple):
    """What was read: the scores of an attempt that tells alone, or why there are none."""

    scores: ParsedScores | None = None
    error_class: str | None = None
    n_samples: int | None = None
    """Replies of a call for samples that parse; None of other calls."""


_parse_reply = lru_cache(maxsize=4096)(parse_reply)  # bare scores repeat: 121 pairs of whole numbers make most replies


def find_method(attempt: Attempt, judge: JudgeIdentity) -> str:
    """Return the method of an attempt: its own, where that is not just the default, else its judge's."""
    return attempt.method if attempt.method != "point" else str(judge.parameters.get("method", "point"))


def read_by_judge(attempt: Attempt, judge: JudgeIdentity) -> Reading:
    """Read the reply of an attempt as its judge answers: with scores by a method, or with a verdict."""
    return read_comparison(attempt) if judge.is_pairwise else read_attempt(attempt, find_method(attempt, judge))


def read_attempt(attempt: Attempt, method: str) -> Reading:
    """Read the reply of an attempt as its method asks; a call for samples tells only how many of them it brought."""
    if method == "samples":
        n_samples = len(_parse_samples(attempt.reply, attempt.choices, attempt.error_class))
        return Reading(error_class=attempt.error_class or (None if n_samples else UNPARSEABLE), n_samples=n_samples)
    if attempt.error_class is not None:
        return Reading(error_class=attempt.error_class)
    reply = attempt.reply or ""
    try:
        if method != "logprobs":
            return Reading(_parse_reply(reply))
        _parse_reply(reply)
        if not attempt.logprobs:
            return Reading(error_class=NO_LOGPROBS)
        return Reading(expect_scores(reply, attempt.logprobs))
    except ScoreParseError:
        return Reading(error_class=UNPARSEABLE)


def read_comparison(attempt: Attempt) -> Reading:
    """Read the reply of a judge that compares: only whether it is a verdict."""
    if attempt.error_class is not None:
        return Reading(error_class=attempt.error_class)
    try:
        parse_verdict(attempt.reply or "")
    except ScoreParseError:
        return Reading(error_class=UNPARSEABLE)
    return Reading()


def pool_turns(calls: Iterable[SampleCall], n_samples: int) -> Iterator[tuple[str, ParsedScores | None]]:
    """Yield each turn that has samples with the scores of its first `n_samples`; None where it has fewer.

    A turn's calls stand together, in the order of time. A sample is a reply that parses.
    """
    for turn_key, turn_calls in groupby(calls, key=itemgetter(0)):
        samples = [
            sample
            for _, reply, choices, error_class in turn_calls
            for sample in _parse_samples(reply, choices, error_class)
        ]
        if samples:
            yield turn_key, pool_samples(samples[:n_samples]) if len(samples) >= n_samples else None


def _parse_samples(reply: str | None, choices: Sequence[str] | None, error_class: str | None) -> list[ParsedScores]:
    """Parse the replies of one call; an error is that of the first, which is `reply`, and of no other."""
    replies = choices or [reply or ""]
    samples = []
    for text in replies if error_class is None else replies[1:]:
        with suppress(ScoreParseError):
            samples.append(_parse_reply(text))
    return samples
