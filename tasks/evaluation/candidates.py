"""What the gate compares: the mixture of an evaluation and the accepted one, each with its other seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from tasks.artifacts import ArtifactStore
from tasks.config import ExperimentConfig, GateConfig
from tasks.errors import GateError, UsageError
from tasks.evaluation.accepted import find_accepted, require_there
from tasks.evaluation.non_inferiority import BY_HAND, Comparison
from tasks.evaluation.recipes import responses_recipe
from tasks.evaluation.reseeded import find_reseeded, require_seeds
from tasks.experts import Base
from tasks.schema import ArtifactRef


class Candidates(BaseModel):
    """The mixtures of both sides and the turns they are compared on; no side has any where nothing is compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mixture: ArtifactRef
    """What would be accepted."""
    evaluation: ArtifactRef
    why_not: str = ""
    """Why nothing is compared."""
    new: tuple[ArtifactRef, ...] = ()
    accepted: tuple[ArtifactRef, ...] = ()
    """The accepted mixture first."""
    corpus: tuple[ArtifactRef, ...] = ()
    asked: Mapping[str, Any] = {}
    """Fields of the evaluation's config that say which turns were answered."""


class Verdict(BaseModel):
    """What the gate said of a mixture that it let pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mixture: ArtifactRef
    evaluation: ArtifactRef
    said: str
    comparison: Comparison | None = None
    accepted: ArtifactRef | None = None
    """The accepted mixture that it was compared with."""
    is_promoted: bool = False


def find_candidates(artifacts: ArtifactStore, evaluation: ArtifactRef, gate: GateConfig) -> Candidates:
    """Return what must be compared before the mixture of an evaluation may take the accepted one's place.

    Raises UsageError where the evaluation has no mixture or there are too few seeds of it, ArtifactError where the
    accepted mixture is not there any more.
    """
    responses, mixture = find_mixture(artifacts, evaluation)
    accepted = find_accepted(artifacts)
    if accepted is None:
        why_not = "No mixture has been accepted yet: there is nothing to compare with, and the new one passes."
        return Candidates(mixture=mixture, evaluation=evaluation, why_not=why_not)
    new = find_reseeded(artifacts, mixture)
    if accepted.config_digest in {ref.config_digest for ref in new}:
        is_same = accepted.config_digest == mixture.config_digest
        why_not = "This is the accepted mixture" if is_same else "It differs from the accepted one only in its seed"
        return Candidates(mixture=mixture, evaluation=evaluation, why_not=f"{why_not}: nothing to compare.")
    require_seeds(artifacts, new, gate)
    manifest = artifacts.read_manifest(responses.uri)
    parents = [ArtifactRef(**parent) for parent in manifest["parents"]]
    return Candidates(
        mixture=mixture,
        evaluation=evaluation,
        new=tuple(new),
        accepted=tuple(find_reseeded(artifacts, require_there(artifacts, accepted))),
        corpus=tuple(ref for ref in parents if ref.kind == "dialogues"),
        asked={
            name: manifest["config"][name] for name in ("split", "max_turns", "max_responses", "max_new_tokens", "seed")
        },
    )


def find_mixture(artifacts: ArtifactStore, evaluation: ArtifactRef) -> tuple[ArtifactRef, ArtifactRef]:
    """Return the responses of an evaluation's mixture, and the mixture. Raises UsageError if it has none."""
    for parent in artifacts.read_manifest(evaluation.uri)["parents"]:
        if parent["kind"] == "responses":
            for model in artifacts.read_manifest(parent["uri"])["parents"]:
                if model["kind"] == "mixture":
                    return ArtifactRef(**parent), ArtifactRef(**model)
    raise UsageError("This evaluation holds no mixture.", where=evaluation.uri, do="run `empathy evaluate mixture`")


def ask_alike(
    artifacts: ArtifactStore, mixture: ArtifactRef, base: Base, candidates: Candidates, config: ExperimentConfig
) -> ExperimentConfig:
    """Return the config by which a mixture answers the candidates' turns, in the format it was trained in.

    Losses are what the gate needs: one response is written, unless all of them are there already.
    """
    prompt_format = artifacts.read_manifest(mixture.uri)["config"]["expert"]["prompt_format"]
    expert = config.expert.model_copy(update={"prompt_format": prompt_format})
    whole = config.evaluation.model_copy(update=dict(candidates.asked))
    recipe = responses_recipe("mixture", candidates.corpus, mixture, whole, prompt_format, base.digest)
    evaluation = whole if artifacts.find(recipe) else whole.model_copy(update={"max_responses": 1})
    return config.model_copy(update={"expert": expert, "evaluation": evaluation})


def read_base_name(artifacts: ArtifactStore, mixture: ArtifactRef) -> tuple[str, str]:
    """Return name and revision of the base model that a mixture was trained on; its weights are not read."""
    trained = json.loads(artifacts.fs.cat_file(f"{mixture.uri}/training.json"))["base"]
    return trained["name"], trained["revision"]


def judge_candidates(candidates: Candidates, comparison: Comparison | None) -> Verdict:
    """Return the verdict on a mixture that may be accepted.

    Raises GateError with the figures where it is worse, or not shown to be as good.
    """
    said = candidates.why_not if comparison is None else f"Not worse: {comparison.describe()}."
    if comparison is None or comparison.is_passed:
        rival = candidates.accepted[0] if comparison is not None and candidates.accepted else None
        return Verdict(
            mixture=candidates.mixture,
            evaluation=candidates.evaluation,
            said=said,
            comparison=comparison,
            accepted=rival,
        )
    raise GateError(describe_failure(comparison), where=candidates.mixture.uri, do=advise(comparison))


def describe_failure(comparison: Comparison) -> str:
    """Return why a mixture does not pass: it is worse, or nobody can say that it is not."""
    if comparison.lowest > 0:
        return f"The new mixture is worse than the accepted one: {comparison.describe()}."
    return f"The new mixture is not shown to be as good as the accepted one: {comparison.describe()}."


def advise(comparison: Comparison) -> str:
    """Return what to do about it."""
    if comparison.lowest > 0:
        return f"keep the accepted one; or {BY_HAND}"
    # no word of a larger tolerance: one that is chosen after the figures holds no error rate
    return f"train more seeds or evaluate more turns, which narrows the doubt; or {BY_HAND}"
