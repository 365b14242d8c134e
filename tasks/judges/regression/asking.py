"""Asking a judge about the anchors, anew each time; a run that was killed is taken up, and pays for nothing twice.

Replies stand in `<home>/regressions/<judge_id>/<run>/`, in segments like those of the journal. They are none of its
own: a gate that read the scores in force would see no drift.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tasks.config import JudgeConfig
from tasks.errors import ConfigError
from tasks.judges.regression.cases import Case, digest_cases
from tasks.judges.validation.places import is_file
from tasks.progress import report_notice
from tasks.scoring import (
    Answer,
    JudgeIdentity,
    PlannedTurn,
    ScoringRun,
    SegmentWriter,
    close_left_segments,
    read_answers,
)

CARD, PREFIX = "run.json", "cases"
YOUNG_S = 6 * 3600.0
"""A run that was left is taken up again within this time; later the judge may be another."""
ASKABLE = ("distilled", "openai", "replies")


class RunCard(BaseModel):
    """What a folder of replies is about."""

    anchors: str
    begun_at: float
    """Unix time, seconds."""
    is_done: bool = False


def refuse_unaskable(config: JudgeConfig) -> None:
    """Raise ConfigError for a judge that does not answer at once, or is none by itself."""
    if config.kind == "openai-batch":
        raise ConfigError(
            "A batch may take a day: no gate can wait for it.",
            do="use --judge openai with the same options: it is the same judge by another road",
        )
    if config.kind not in ASKABLE:
        raise ConfigError(f"The judge {config.kind!r} cannot be asked about anchors.", do=f"use {', '.join(ASKABLE)}")


def ask_cases(run: ScoringRun, cases: Sequence[Case], replies: Mapping[str, str] | None) -> Path:
    """Ask the judge of a run about every case, equal texts once, and return the folder that holds its replies.

    Raises what the judge raises: EndpointError, StoppedShortError, LeaseHeldError, OSError; the folder is then taken
    up again by the next call. The caller holds the judge's lease. `replies` is what was recorded, by turn_key, for a
    judge that replays.
    """
    folder = open_folder(run, digest_cases(cases))
    close_left_segments(folder)
    answers = read_answers(folder, run.identity)
    turns = {case.turn.turn_key: case.turn for case in cases}
    pending = [
        PlannedTurn(
            turn, replies.get(key) if replies else None, n_samples=answers[key].n_samples if key in answers else 0
        )
        for key, turn in turns.items()
        if key not in answers or not answers[key].is_final
    ]
    if len(pending) < len(turns):
        report_notice(f"A run that was left is taken up: {len(turns) - len(pending):,} of {len(turns):,} are answered.")
    counter = ScoringRun(run.name, run.home, run.identity, run.judge, run.lease)
    counter.step, counter.n_turns = f"ask {run.identity.alias} about anchors", len(turns)
    counter.on_done(len(turns) - len(pending))
    with SegmentWriter(folder, PREFIX) as writer:
        run.judge.score_chunk(pending, writer, counter.on_done)
    return folder


def open_folder(run: ScoringRun, digest: str) -> Path:
    """Return the folder of the youngest run that was left before its end, or a new one."""
    parent = find_home_of_runs(run)
    now = time.time()
    for folder in sorted(parent.glob("*/"), reverse=True):
        card = read_card(folder)
        if card and card.anchors == digest and not card.is_done and 0 <= now - card.begun_at < YOUNG_S:
            return folder
    folder = parent / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    write_card(folder, RunCard(anchors=digest, begun_at=now))
    return folder


def find_home_of_runs(run: ScoringRun) -> Path:
    """Return the folder that holds the replies of all runs of the judge."""
    return run.home.settings.regressions_dir / run.identity.judge_id


def end_run(folder: Path) -> None:
    """Note that a run came to its end: the next one asks anew."""
    card = read_card(folder)
    if card:
        write_card(folder, card.model_copy(update={"is_done": True}))


def read_card(folder: Path) -> RunCard | None:
    """Return the card of a folder, None where there is none that can be read."""
    try:
        return RunCard.model_validate_json((folder / CARD).read_bytes())
    except (OSError, ValidationError):
        return None


def write_card(folder: Path, card: RunCard) -> None:
    """Keep a card, whole or not at all."""
    partial = folder / f"{CARD}.partial"
    partial.write_text(card.model_dump_json(), encoding="utf-8")
    partial.replace(folder / CARD)


def read_replies(path: Path, cases: Sequence[Case]) -> dict[str, str]:
    """Return recorded replies to cases by turn_key; of several to one the lowest in the order of their letters.

    Raises ConfigError for a file that cannot be read, or has no reply to any case.
    """
    keys = {case.turn.turn_key for case in cases}
    found: dict[str, str] = {}
    do = 'one JSON object a line: {"turn_key", "reply"}; `empathy judge regress --record FILE` writes such a file'
    if not is_file(path):
        raise ConfigError("There is no such file of recorded replies.", where=str(path))
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line) if line.strip() else {}
                key, reply = row.get("turn_key"), row.get("reply")
            except (ValueError, AttributeError, RecursionError) as error:
                raise ConfigError(f"Line {number} is no JSON object: {error}", where=str(path), do=do) from None
            if key in keys and isinstance(reply, str):
                found[key] = min(reply, found.get(key, reply))
    if not found:
        raise ConfigError("None of the recorded replies belongs to an anchor.", where=str(path), do=do)
    return found


def list_replies(cases: Sequence[Case], answers: Mapping[str, Answer], identity: JudgeIdentity) -> list[dict[str, str]]:
    """Return what was replied to each distinct turn, as `replies:FILE` wants it; turns without a reply are left out.

    Where a score is not what one reply says (its expected value, the mean of several), the reply is the scores.
    """
    is_plain = identity.parameters.get("method", "point") == "point"
    rows = {}
    for case in cases:
        answer = answers.get(case.turn.turn_key)
        if answer is None:
            continue
        reply = answer.reply
        if answer.scores and not is_plain:
            reply = json.dumps({"rationality": answer.scores.rationality, "sensibility": answer.scores.sensibility})
        if reply is not None:
            rows[case.turn.turn_key] = reply
    return [{"turn_key": key, "reply": reply} for key, reply in rows.items()]
