"""The accepted mixture: what was promoted and rolled back, one small note each beside the artifacts, never rewritten.

Which mixture is accepted follows from the notes, so that no two hosts can lose each other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError, GateError, UsageError
from tasks.evaluation.non_inferiority import Comparison
from tasks.schema import ArtifactRef

ACCEPTED = "accepted"
"""Name of the accepted mixture where a command is given a model, whatever was trained since."""
FOLDER = "accepted"
MOST_NOTES = 100_000


class Acceptance(BaseModel):
    """One step: a mixture was promoted, or the one before it taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["promote", "rollback"] = Field(description="What was done.")
    mixture: ArtifactRef = Field(description="The mixture that is accepted from then on.")
    evaluation: ArtifactRef | None = Field(description="The newest evaluation that holds it, if there is any.")
    replaced: ArtifactRef | None = Field(description="The mixture that was accepted before, none for the first.")
    at: str = Field(description="When, UTC.")
    by: Literal["gate", "hand"] = Field(description="Who decided: the gate, or a person.")
    flow_run_id: str = Field(description="The run that did it; empty if none did.")
    revision: str = Field(description="Git revision of the program; empty if it is not known.")
    comparison: Comparison | None = Field(description="What the gate found; null if nothing was compared.")


def read_history(artifacts: ArtifactStore) -> list[Acceptance]:
    """Return all steps, the oldest first. Raises ArtifactError for one that cannot be read."""
    steps = []
    for name, text in artifacts.read_notes(FOLDER, MOST_NOTES):
        try:
            steps.append(Acceptance.model_validate_json(text))
        except ValidationError:
            raise ArtifactError(
                "A note on the accepted mixture cannot be read, so that nobody can say which one it is.",
                where=f"{artifacts.root}/{FOLDER}/{name}.json",
                do="bring it back from a backup, or remove it and promote a mixture by hand",
            ) from None
    return steps


def stack_up(history: Sequence[Acceptance]) -> list[Acceptance]:
    """Return the promotions that were not rolled back, the accepted one last."""
    stack: list[Acceptance] = []
    for step in history:
        if step.action == "promote":
            stack.append(step)
        elif stack:
            stack.pop()
    return stack


def find_accepted(artifacts: ArtifactStore) -> ArtifactRef | None:
    """Return the accepted mixture, None if there is none."""
    stack = stack_up(read_history(artifacts))
    return stack[-1].mixture if stack else None


def require_accepted(artifacts: ArtifactStore) -> ArtifactRef:
    """Return the accepted mixture. Raises UsageError if there is none, ArtifactError if it is not there any more."""
    accepted = find_accepted(artifacts)
    if accepted is None:
        raise UsageError("No mixture has been accepted yet.", do="run `empathy models promote --newest`")
    return require_there(artifacts, accepted)


def require_there(artifacts: ArtifactStore, mixture: ArtifactRef) -> ArtifactRef:
    """Return a mixture that was accepted. Raises ArtifactError if its files are gone."""
    if not artifacts.holds(mixture.uri):
        raise ArtifactError(
            f"The mixture {mixture.config_digest[:12]} that was accepted is not there any more.",
            where=mixture.uri,
            do="bring it back from a backup, or promote another: `empathy models list`",
        )
    return mixture


def promote(
    artifacts: ArtifactStore,
    mixture: ArtifactRef,
    evaluation: ArtifactRef | None = None,
    *,
    by: Literal["gate", "hand"] = "hand",
    flow_run_id: str = "",
    revision: str = "",
    comparison: Comparison | None = None,
    compared_with: ArtifactRef | None = None,
) -> Acceptance | None:
    """Make a mixture the accepted one and return the step; None, and nothing is noted, if it is that already.

    The gate only replaces what it compared with: with nothing compared, None where anything is accepted. Raises
    GateError if another mixture was accepted since the comparison.
    """
    accepted = find_accepted(artifacts)
    if accepted is not None and accepted.config_digest == mixture.config_digest:
        return None
    if by == "gate" and comparison is None and accepted is not None:
        return None
    if by == "gate" and comparison is not None and accepted != compared_with:
        raise GateError(
            f"Not promoted: the accepted mixture is {name_mixture(accepted)} now, and {name_mixture(compared_with)} "
            "was compared with.",
            where=mixture.uri,
            do="run the gate again: `empathy evaluate --gate --promote`",
        )
    step = Acceptance(
        action="promote", mixture=mixture, evaluation=evaluation, replaced=accepted, at=tell_time(), by=by,
        flow_run_id=flow_run_id, revision=revision, comparison=comparison,
    )  # fmt: skip
    return note(artifacts, step)


def name_mixture(mixture: ArtifactRef | None) -> str:
    """Return the beginning of a mixture's digest, `none` if there is none."""
    return mixture.config_digest[:12] if mixture else "none"


def roll_back(artifacts: ArtifactStore, *, revision: str = "") -> Acceptance:
    """Accept again the mixture that the accepted one replaced, and return that step, which is noted like any other.

    Raises UsageError where nothing was accepted before, ArtifactError if what was is not there any more.
    """
    stack = stack_up(read_history(artifacts))
    if len(stack) < 2:
        only = f"{stack[0].mixture.config_digest[:12]} is the first that was accepted" if stack else "none was accepted"
        raise UsageError(f"There is no mixture to go back to: {only}.", do="`empathy models list` shows all")
    before, replaced = stack[-2], stack[-1].mixture
    step = Acceptance(
        action="rollback", mixture=require_there(artifacts, before.mixture), evaluation=before.evaluation,
        replaced=replaced, at=tell_time(), by="hand", flow_run_id="", revision=revision, comparison=None,
    )  # fmt: skip
    return note(artifacts, step)


def note(artifacts: ArtifactStore, step: Acceptance) -> Acceptance:
    """Keep a step under the moment it was taken, and return it."""
    name = f"{step.at.replace(':', '').replace('+0000', '')}-{step.mixture.config_digest[:8]}"
    artifacts.write_note(FOLDER, name, step.model_dump_json(indent=1))
    return step


def tell_time() -> str:
    """Return the moment in UTC; texts of later moments sort behind those of earlier ones."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
