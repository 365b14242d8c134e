"""Judges that ask nobody: a distilled one, and recorded replies. Their answers take the same road."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from tasks.schema import digest_of
from tasks.scoring.ledger.journal import Attempt, SegmentWriter
from tasks.scoring.planning import PlannedTurn
from tasks.scoring.reasons import NO_REPLY

OnDone = Callable[[int], None]


class LocalJudge:
    """A distilled judge; a reply is the JSON object that an LLM would have given.

    Raises ArtifactError where its weights are missing or damaged, ConfigError where they need another encoder.
    """

    def __init__(self, weights: str = "", encoder: str = "") -> None:
        from tasks.scoring.distilled import DistilledJudge, find_weights  # numpy and scipy: only where it judges
        from tasks.scoring.finding_encoder import load_encoder

        self._judge = DistilledJudge.load(find_weights(weights), load_encoder(encoder) if encoder else None)

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: OnDone) -> None:
        """Score the turns and journal one reply each."""
        sent_at, started = time.time(), time.perf_counter()
        scored = self._judge.score([planned.turn for planned in turns])
        latency = (time.perf_counter() - started) / max(1, len(turns))
        replies = [
            json.dumps(
                {
                    "rationality": round(float(scores[1]), 4),
                    "sensibility": round(float(scores[0]), 4),
                    "rationality_sd": round(float(deviations[1]), 4),
                    "sensibility_sd": round(float(deviations[0]), 4),
                }
            )
            for scores, deviations in zip(scored.scores, scored.deviations, strict=True)
        ]
        writer.append(
            *(
                Attempt(planned.turn.turn_key, digest_of({"turn": planned.turn.turn_key}), sent_at, latency,
                        reply=reply, model="distilled", method="distilled")
                for planned, reply in zip(turns, replies, strict=True)
            )
        )  # fmt: skip
        on_done(len(turns))

    def describe(self) -> dict[str, object]:
        """Nothing to watch: it is done in no time."""
        return {}

    def close(self) -> None:
        """Nothing to close."""


class RecordedJudge:
    """Recorded replies, replayed through the same parser, ledger and tables."""

    def score_chunk(self, turns: Sequence[PlannedTurn], writer: SegmentWriter, on_done: OnDone) -> None:
        """Journal each turn's recorded reply, or that there is none."""
        now = time.time()
        writer.append(
            *(
                Attempt(planned.turn.turn_key, digest_of({"turn": planned.turn.turn_key}), now, 0.0,
                        reply=planned.reply, error_class=NO_REPLY if planned.reply is None else None,
                        model="recorded", method="recorded")
                for planned in turns
            )
        )  # fmt: skip
        on_done(len(turns))

    def describe(self) -> dict[str, object]:
        """Nothing to watch: it is done in no time."""
        return {}

    def close(self) -> None:
        """Nothing to close."""
