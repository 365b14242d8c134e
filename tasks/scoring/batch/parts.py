"""What is known of each batch on this host: one small state file, its requests, and the questions behind them.

A part is written before anything is paid for, and after each step that is: whoever reads it after a kill knows
what may be under way. Its questions stand beside it, so that a batch is brought to its end without the plan that it
came from; what is left of them when its replies are journalled is asked again.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from tasks.errors import EmpathyError
from tasks.schema import Turn, Utterance
from tasks.scoring.engine.asking import Question
from tasks.scoring.engine.dialect import Dialect
from tasks.scoring.planning import PlannedTurn

Status = Literal["written", "uploaded", "submitted", "journalled", "done"]
"""journalled: its replies are in the journal, and questions of it are still to be asked again."""


@dataclass(slots=True)
class Entry:
    """A question on its way through batches."""

    question: Question
    request_key: str = ""
    n_failures: int = 0
    """Batches that did not come to it."""
    reserved_usd: float = 0.0
    """Set aside by this run for the request that is under way."""

    @property
    def turn_key(self) -> str:
        """The turn that is asked about."""
        return self.question.planned.turn.turn_key


@dataclass(slots=True)
class Part:
    """One batch: the state of its file."""

    name: str
    n_requests: int
    dialect: dict[str, Any] = field(default_factory=lambda: asdict(Dialect()))
    """How its requests ask."""
    status: Status = "written"
    submitted_at: float = 0.0
    """Unix time, seconds, a moment before the batch was created."""
    file_id: str = ""
    batch_id: str = ""
    says: str = ""
    """How it ended."""


class PartStore:
    """The parts of one judge in a folder of its journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, name: str, suffix: str) -> Path:
        """Return the path of a part's file: `.json`, `.requests.jsonl`, `.questions.jsonl`."""
        return self.folder / f"{name}{suffix}"

    def make_name(self) -> str:
        """Return a name for the next part; names sort by time."""
        return f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"

    def save(self, part: Part) -> None:
        """Bring a part's state to the disk, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path_of(part.name, ".json")
        with path.with_suffix(".partial").open("w", encoding="utf-8") as file:
            json.dump(asdict(part), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        path.with_suffix(".partial").replace(path)
        if part.status == "done":
            for suffix in (".requests.jsonl", ".questions.jsonl"):
                self.path_of(part.name, suffix).unlink(missing_ok=True)

    def list_open(self) -> list[Part]:
        """Return the parts that are not done, oldest first. Raises EmpathyError where a state cannot be read."""
        if not self.folder.is_dir():
            return []
        parts = [_read_part(path) for path in sorted(self.folder.glob("*.json"))]
        return [part for part in parts if part.status != "done"]

    def write_entries(self, part: Part, entries: Iterable[Entry]) -> None:
        """Keep the questions of a part, whole or not at all."""
        path = self.path_of(part.name, ".questions.jsonl")
        with path.with_suffix(".partial").open("wb") as file:
            file.writelines(orjson.dumps(_to_row(entry), option=orjson.OPT_APPEND_NEWLINE) for entry in entries)
        path.with_suffix(".partial").replace(path)

    def read_entries(self, part: Part) -> Iterator[Entry]:
        """Yield the questions of a part."""
        with self.path_of(part.name, ".questions.jsonl").open("rb") as file:
            for line in file:
                yield _from_row(orjson.loads(line))


def _read_part(path: Path) -> Part:
    try:
        return Part(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise EmpathyError(
            f"What is known of a batch cannot be read: {error}",
            where=str(path),
            do="mend it or, if its turns may be asked and paid for again, delete it",
        ) from None


def _to_row(entry: Entry) -> dict[str, Any]:
    question, turn = entry.question, entry.question.planned.turn
    return {
        "turn_key": turn.turn_key, "context": [list(said) for said in turn.context], "response": turn.response,
        "complaint": question.complaint, "n_useless": question.n_useless, "n_samples": question.n_samples,
        "is_cut_off": question.is_cut_off, "terms": question.terms,
        "request_key": entry.request_key, "n_failures": entry.n_failures,
    }  # fmt: skip


def _from_row(row: dict[str, Any]) -> Entry:
    context = tuple(Utterance(role, text) for role, text in row["context"])
    question = Question(
        PlannedTurn(Turn(row["turn_key"], context, row["response"])), row["complaint"], row["n_useless"],
        row["n_samples"], row["is_cut_off"], (row["terms"][0], row["terms"][1]),
    )  # fmt: skip
    return Entry(question, row["request_key"], row["n_failures"])
