"""What the journal alone says of each turn: what the tables would, without them, for turns that are of no corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from tasks.config import DEFAULT_N_SAMPLES
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.journal import Attempt, list_segments, read_segment
from tasks.scoring.ledger.reading import Reading, find_method, pool_turns, read_attempt
from tasks.scoring.parsing import ParsedScores
from tasks.scoring.reasons import ASKED_AGAIN, ASKED_ON, MAX_REPLIES, TERMINAL, TOO_FEW_SAMPLES

UNASKING = ("recorded", "distilled")
"""Methods that bring the same reply every time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Where a turn stands with a judge."""

    scores: ParsedScores | None
    reason: str | None
    """Why there are none."""
    reply: str | None
    """Of the attempt that tells."""
    is_final: bool
    """Whether another run would not ask for the turn."""
    n_samples: int
    """Samples that are paid for, where the method takes several."""
    cost_usd: float | None
    """Of all its attempts whose cost is known; None without any."""


class Read(NamedTuple):
    """An attempt, the method that it is read by, and what it says."""

    attempt: Attempt
    method: str
    reading: Reading

    @property
    def is_score(self) -> bool:
        """Whether the attempt tells alone."""
        return self.reading.error_class is None and self.method != "samples"


def read_answers(folder: Path, judge: JudgeIdentity) -> Mapping[str, Answer]:
    """Return every turn of a judge's journal in `folder` with what `commit_segments` would say of it, by its key."""
    of_turn: dict[str, list[Attempt]] = defaultdict(list)
    for path in list_segments(folder):
        for _, attempt in read_segment(path):
            of_turn[attempt.turn_key].append(attempt)
    return {turn_key: settle_turn(attempts, judge) for turn_key, attempts in of_turn.items()}


def settle_turn(attempts: Sequence[Attempt], judge: JudgeIdentity) -> Answer:
    """Return what the attempts at one turn (in the order of the journal) come to: the rule of `upsert_scores.sql`."""
    read = [Read(one, method := find_method(one, judge), read_attempt(one, method)) for one in attempts]
    told = [one for one in read if one.is_score]
    telling = min(told, key=_sent_at) if told else max(read, key=_sent_at)
    scores, reason = telling.reading.scores, telling.reading.error_class
    n_samples = sum(one.reading.n_samples or 0 for one in read)
    if n_samples and not telling.is_score:  # samples tell together
        scores = _pool(read, judge)
        reason = None if scores else (reason if reason in TERMINAL else TOO_FEW_SAMPLES)
    n_useless = sum(one.reading.error_class in ASKED_ON and one.method not in UNASKING for one in read)
    is_unfinished = 0 < n_useless < MAX_REPLIES and reason in ASKED_ON
    costs = [one.attempt.cost_usd for one in read if one.attempt.cost_usd is not None]
    is_final = scores is not None or not (reason in ASKED_AGAIN or is_unfinished)
    return Answer(scores, reason, telling.attempt.reply, is_final, n_samples, sum(costs) if costs else None)


def _sent_at(read: Read) -> float:
    return read.attempt.sent_at


def _pool(read: Sequence[Read], judge: JudgeIdentity) -> ParsedScores | None:
    calls = [
        (one.attempt.turn_key, one.attempt.reply, one.attempt.choices, one.reading.error_class)
        for one in sorted(read, key=_sent_at)
        if one.reading.n_samples
    ]
    pooled = pool_turns(calls, int(judge.parameters.get("n_samples", DEFAULT_N_SAMPLES)))
    return next(map(itemgetter(1), pooled), None)
