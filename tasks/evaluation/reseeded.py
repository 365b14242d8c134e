"""Mixtures that differ only in their seeds: what a recipe gives, beside what chance gave once."""

from __future__ import annotations

from typing import Any

from tasks.artifacts import ArtifactStore
from tasks.config import ExperimentConfig, GateConfig
from tasks.errors import UsageError
from tasks.schema import ArtifactRef, digest_of


def find_reseeded(artifacts: ArtifactStore, mixture: ArtifactRef) -> list[ArtifactRef]:
    """Return the mixtures that differ from one only in their seeds, itself first."""
    wanted = digest_without_seeds(artifacts, mixture)
    others = (ref for ref in artifacts.list_refs("mixture") if ref.config_digest != mixture.config_digest)
    return [mixture, *(ref for ref in others if digest_without_seeds(artifacts, ref) == wanted)]


def digest_without_seeds(artifacts: ArtifactStore, mixture: ArtifactRef) -> str:
    """Return the digest of everything a mixture and its experts were made from, without seeds."""
    manifest = artifacts.read_manifest(mixture.uri)
    experts = {}
    for parent in manifest["parents"]:
        if parent["kind"] == "expert":
            expert = artifacts.read_manifest(parent["uri"])
            experts[expert["config"]["name"]] = _drop_seeds(expert)
    return digest_of({"mixture": _drop_seeds(manifest), "experts": experts})


def read_seed(artifacts: ArtifactStore, mixture: ArtifactRef) -> int | None:
    """Return the seed of a mixture's router, None if its manifest does not say."""
    return artifacts.read_manifest(mixture.uri)["config"]["router"].get("seed")


def list_reseeded(config: ExperimentConfig) -> list[ExperimentConfig]:
    """Return the config with as many seeds as the gate asks for: its own, and those that follow."""
    found = []
    for step in range(config.gate.min_seeds):
        expert, router = (
            part.model_copy(update={"seed": (part.seed + step) % 2**32}) for part in (config.expert, config.router)
        )
        found.append(config.model_copy(update={"expert": expert, "router": router}))
    return found


def require_seeds(artifacts: ArtifactStore, mixtures: list[ArtifactRef], gate: GateConfig) -> None:
    """Raise UsageError if there are fewer mixtures than the gate asks for."""
    lacking = gate.min_seeds - len(mixtures)
    if lacking <= 0:
        return
    taken = {read_seed(artifacts, ref) for ref in mixtures}
    free = [seed for seed in range(gate.min_seeds + len(mixtures)) if seed not in taken][:lacking]
    commands = "; ".join(f"`empathy route --seed {seed}`" for seed in free)
    raise UsageError(
        f"The gate asks for {gate.min_seeds} mixtures that differ only in their seed; here "
        f"{'is' if len(mixtures) == 1 else 'are'} {len(mixtures)}: one seed may be good or bad by chance.",
        where=f"seeds {', '.join(str(seed) for seed in sorted(taken, key=str))}",
        do=f"train more, with the options of the first: {commands}; or ask for fewer with --min-seeds",
    )


def _drop_seeds(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what an artifact was made from, without its seeds and without the digests of seeded parents."""
    config = {
        name: {key: value for key, value in part.items() if key != "seed"} if isinstance(part, dict) else part
        for name, part in manifest["config"].items()
        if name != "experts"
    }
    return {"config": config, "inputs": manifest["inputs"], "stage_version": manifest["stage_version"]}
