"""The mixtures of an artifact store as a person lists them: what they came from, how good, which one is accepted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tasks.artifacts import ArtifactStore
from tasks.evaluation.accepted import find_accepted
from tasks.evaluation.candidates import read_base_name
from tasks.evaluation.files import read_responses
from tasks.evaluation.metrics import perplexity
from tasks.evaluation.reseeded import digest_without_seeds
from tasks.experts import pick_kind, read_lineage
from tasks.schema import ArtifactRef


class ListedMixture(BaseModel):
    """One mixture."""

    mixture: ArtifactRef
    made_at: str
    is_accepted: bool
    rule: str | None
    sensibility_threshold: float | None
    rationality_threshold: float | None
    base: str
    seed: int | None
    recipe: str
    """Digest of what it was made from without its seeds: equal for mixtures that the gate takes together."""
    perplexity: float | None
    n_turns: int | None
    """Held-out turns that the perplexity is over."""


def list_mixtures(artifacts: ArtifactStore) -> list[ListedMixture]:
    """Return all mixtures, the newest first, with their perplexity in the newest evaluation of each."""
    accepted = find_accepted(artifacts)
    responses = find_responses(artifacts)
    return [
        describe_mixture(artifacts, ref, accepted, responses.get(ref.sha256))
        for ref in reversed(artifacts.list_refs("mixture"))
    ]


def find_responses(artifacts: ArtifactStore) -> dict[str, ArtifactRef]:
    """Return the newest responses of each mixture by the mixture's sha256."""
    found: dict[str, ArtifactRef] = {}
    for ref in artifacts.list_refs("responses"):
        parents = artifacts.read_manifest(ref.uri)["parents"]
        found |= {parent["sha256"]: ref for parent in parents if parent["kind"] == "mixture"}
    return found


def describe_mixture(
    artifacts: ArtifactStore, mixture: ArtifactRef, accepted: ArtifactRef | None, responses: ArtifactRef | None
) -> ListedMixture:
    """Return one mixture's line; what its manifests do not say is left open."""
    itself, *ancestors = read_lineage(artifacts, [mixture])
    selection: dict[str, Any] = next((dict(one.config) for one in pick_kind(ancestors, "subsets")), {})
    loss, n_turns = measure(artifacts, responses)
    return ListedMixture(
        mixture=mixture,
        made_at=itself.manifest["made_at"],
        is_accepted=accepted is not None and accepted.config_digest == mixture.config_digest,
        rule=selection.get("rule"),
        sensibility_threshold=selection.get("sensibility_threshold"),
        rationality_threshold=selection.get("rationality_threshold"),
        base=read_base_name(artifacts, mixture)[0],
        seed=itself.config["router"].get("seed"),
        recipe=digest_without_seeds(artifacts, mixture),
        perplexity=loss,
        n_turns=n_turns,
    )


def measure(artifacts: ArtifactStore, responses: ArtifactRef | None) -> tuple[float | None, int | None]:
    """Return the perplexity of a mixture's responses and the turns it is over."""
    if responses is None:
        return None, None
    rows = read_responses([artifacts.open(responses)])
    measured = rows.filter(rows["n_tokens"] > 0)
    if measured.is_empty():
        return None, 0
    return perplexity(measured["nll"].to_list(), measured["n_tokens"].to_list()), len(measured)
