"""The notes of a home on its judges: validations, regression runs, active-scoring curves.

They are records of what was measured, beside the artifacts and no part of them. One that cannot be read is said and
passed over: a report is made from what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from tasks.artifacts import ArtifactStore
from tasks.progress import report_notice
from tasks.reporting.judges.keeping import VALIDATIONS
from tasks.reporting.judges.records import Comparison, Loose, Measure, Number, Validation

REGRESSIONS, CURVES = "regressions", "active-curves"
MOST_NOTES, MOST_SHOWN = 200, 6
NAMES = {VALIDATIONS: "validation", REGRESSIONS: "regression run", CURVES: "active-scoring curve"}


class KeptValidation(Validation):
    """A validation that was kept."""

    made_at: str


class KeptComparison(Comparison):
    """A comparison that was kept."""

    made_at: str


class NamedJudge(Loose):
    """Which judge a regression was run for."""

    judge_id: str = ""
    alias: str = ""


class Relation(Loose):
    """How often one metamorphic relation held."""

    relation: str
    n: int = Field(ge=0)
    n_passed: int = Field(ge=0)
    low: Number | None = None
    high: Number | None = None

    @property
    def measure(self) -> Measure:
        """Return the share that passed, with its interval; none of nothing."""
        return Measure(value=self.n_passed / self.n if self.n else None, low=self.low, high=self.high, n=self.n)


class Regression(Loose):
    """One run of the regression suite."""

    made_at: str
    judge: NamedJudge
    anchors: str = ""
    """Digest of what was asked: runs of one digest can be compared."""
    relations: tuple[Relation, ...] = ()
    mean: Mapping[str, Number | None] = {}
    is_accepted: bool = False


class CurvePoint(Loose):
    """What one strategy reaches with a share of the calls: Jaccard of the subset with that of the full run."""

    strategy: str
    share: float = Field(ge=0, le=1)
    jaccard: float = Field(ge=0, le=1)
    low: Number | None = None
    high: Number | None = None


class ActiveCurve(Loose):
    """Subset overlap against share of calls, by strategy."""

    curve: tuple[CurvePoint, ...] = Field(min_length=1)
    teacher: str = ""
    n_turns: int = 0
    n_seeds: int = 1
    threshold: Number | None = None


@dataclass(frozen=True)
class JudgeNotes:
    """What a home noted of its judges, the newest first except the runs, which are in their order."""

    validations: Sequence[KeptValidation | KeptComparison] = ()
    regressions: Sequence[Regression] = ()
    curves: Sequence[ActiveCurve] = ()

    def describe(self) -> dict[str, list[Any]]:
        """Return the notes as JSON values; empty kinds are left out."""
        kinds = {VALIDATIONS: self.validations, REGRESSIONS: self.regressions, CURVES: self.curves}
        return {name: [note.model_dump(mode="json", by_alias=True) for note in notes] for name, notes in kinds.items()
                if notes}  # fmt: skip


def read_judge_notes(artifacts: ArtifactStore) -> JudgeNotes:
    """Return the notes to be shown: of validations the newest of each judge and reference, of curves each teacher's."""
    kept = read_folder(artifacts, VALIDATIONS, parse_validation)
    newest = {(name_judges(one), one.reference): one for one in kept}
    curves = {one.teacher: one for one in read_folder(artifacts, CURVES, ActiveCurve.model_validate_json)}
    return JudgeNotes(
        sorted(newest.values(), key=lambda one: one.made_at, reverse=True)[:MOST_SHOWN],
        read_folder(artifacts, REGRESSIONS, Regression.model_validate_json),
        list(curves.values())[::-1][:MOST_SHOWN],
    )


Note = TypeVar("Note", bound=BaseModel)


def read_folder(artifacts: ArtifactStore, folder: str, parse: Callable[[str], Note]) -> list[Note]:
    """Return the notes of a folder that can be read, the oldest first."""
    found = []
    for name, text in artifacts.read_notes(folder, MOST_NOTES):
        try:
            found.append(parse(text))
        except ValidationError:
            report_notice(f"The record of the {NAMES[folder]} {name} cannot be read.")
    return found


def parse_validation(text: str) -> KeptValidation | KeptComparison:
    """Return what was kept of a validation or a comparison: the latter has several judges."""
    try:
        return KeptValidation.model_validate_json(text)
    except ValidationError:
        return KeptComparison.model_validate_json(text)


def name_judges(record: Validation | Comparison) -> tuple[str, ...]:
    """Return the judges of a record."""
    return (record.judge,) if isinstance(record, Validation) else tuple(sorted(record.judges))
