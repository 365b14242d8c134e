"""The drift gate: whether a judge must be asked about anchors before it is paid, and what it is held to there."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from datetime import datetime

from tasks.artifacts import ArtifactStore
from tasks.config import JudgeConfig
from tasks.errors import ArtifactError, ConfigError, StoppedShortError, UsageError
from tasks.judges.regression.anchors import read_anchors
from tasks.judges.regression.asking import YOUNG_S, refuse_unaskable
from tasks.judges.regression.cases import Case, derive_cases, digest_cases
from tasks.judges.regression.config import RegressionConfig
from tasks.judges.regression.runs import find_last_run, read_accepted_run, read_accepted_runs
from tasks.judges.regression.session import review_run
from tasks.redaction import redact
from tasks.scoring import JudgeIdentity

OURS = "ours"
"""How the anchors of this project are named beside those of others."""
UNCHANGING = ("distilled", "replies")
"""Kinds of judges whose id is the digest of all that they answer from: the same id gives the same scores."""


def find_pass(
    artifacts: ArtifactStore, judge: JudgeConfig, identity: JudgeIdentity, base_url: str | None,
    regression: RegressionConfig,
) -> str:  # fmt: skip
    """Return why a judge passes the gate unasked; nothing where it must be asked. Nobody is asked here.

    Raises ConfigError for a judge that cannot be asked, and for a gate that is to accept; ArtifactError where no run of
    the judge over these anchors is accepted, or that run is damaged.
    """
    refuse_unaskable(judge)
    if regression.accept:
        raise ConfigError("A gate accepts no run.", do="leave `accept` out; `empathy judge regress --accept` accepts")
    if identity.kind in UNCHANGING:
        return f"The judge {identity.alias} passes the drift gate unasked: its id is the digest of all it answers from."
    cases = derive_cases(read_anchors(regression.anchors))
    accepted = read_accepted_run(artifacts, identity.judge_id, digest_cases(cases))
    if accepted is None:
        raise ArtifactError(
            f"No run of the judge {identity.alias} over {say_place(regression.anchors)} has been accepted: nobody can "
            "say whether it has drifted.",
            where=say_accepted(artifacts, identity.judge_id),
            do=f"accept one first: {write_command(judge, base_url, regression.anchors)}",
        )
    return find_young(artifacts, identity, cases, accepted.name, regression)


def find_young(
    artifacts: ArtifactStore, identity: JudgeIdentity, cases: Sequence[Case], accepted: str, config: RegressionConfig
) -> str:
    """Return that the last run has just shown no drift, if it has: a run that goes on must not pay for that again.

    The accepted run itself shows nothing: that the judge still answers so is what the gate asks.
    """
    last = find_last_run(artifacts, identity.judge_id, digest_cases(cases))
    if last is None or last.name == accepted:
        return ""
    age_s = time.time() - datetime.fromisoformat(last.made_at).timestamp()
    held = review_run(artifacts, last, cases, config)
    if held.drift or held.faults or not 0 <= age_s < YOUNG_S:
        return ""
    return (
        f"The judge {identity.alias} passes the drift gate: it had not drifted in the run of "
        f"{last.made_at[:16].replace('T', ' ')} UTC, less than {YOUNG_S / 3600:.0f} hours ago."
    )


def choose_anchors(artifacts: ArtifactStore, identity: JudgeIdentity) -> str:
    """Return where the anchors of the accepted run of a judge are; ours (empty) where none is accepted.

    Raises UsageError where runs over several sets are.
    """
    places = list_places(artifacts, identity.judge_id)
    if len(places) > 1:
        raise UsageError(
            f"Runs of the judge {identity.alias} over {len(places)} sets of anchors are accepted: {', '.join(places)}.",
            do="say which with --anchors",
        )
    return places[0] if places and places[0] != OURS else ""


def list_places(artifacts: ArtifactStore, judge_id: str) -> list[str]:
    """Return where the anchors are, or were, that a judge has accepted runs over."""
    return sorted({run.anchors_at or OURS for run in read_accepted_runs(artifacts, judge_id)})


def say_accepted(artifacts: ArtifactStore, judge_id: str) -> str:
    """Return over which anchors runs are accepted: those may be elsewhere, or have changed since."""
    places = list_places(artifacts, judge_id)
    return f"accepted over: {', '.join(places)} (as they were then)" if places else ""


def say_place(anchors: str) -> str:
    """Return anchors as a person names them."""
    return f"the anchors {anchors}" if anchors else "the anchors of this project"


def write_command(judge: JudgeConfig, base_url: str | None, anchors: str) -> str:
    """Return the command that accepts a run of an endpoint's judge; no password of its address is repeated."""
    if judge.temperature is not None:  # no command has this option
        return "the flow judge-regression, with this `judge` and `accept`"
    plain = JudgeConfig(kind=judge.kind)
    options = {
        "judge": judge.kind, "model": judge.model, "base-url": base_url if redact(base_url or "") == base_url else None,
        "endpoint-alias": judge.endpoint_alias, "rubric": judge.rubric if judge.rubric != plain.rubric else "",
        "method": judge.method if judge.method != plain.method else "",
        "samples": judge.n_samples if judge.method == "samples" else "", "anchors": anchors,
    }  # fmt: skip
    given = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value]
    return " ".join(["empathy judge regress", *given, "--accept"])


def tell_stopped(error: StoppedShortError, n_turns: int) -> StoppedShortError:
    """Return the error of an asking that stopped short as one of the gate: no turn was asked about."""
    return StoppedShortError(
        f"The drift gate stopped before its end. {error.what} Only anchors were asked about, none of the {n_turns:,} "
        "turns.",
        error.where,
        f"{error.do}; what anchors were answered is kept for {YOUNG_S / 3600:.0f} hours",
    )
