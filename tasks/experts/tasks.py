"""Training of adapters as Prefect tasks: one adapter a task, found again if it was trained before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.config import ExperimentConfig
from tasks.experts import (
    Base,
    Checkpoints,
    corpus_of,
    expert_recipe,
    find_current_subsets,
    pick_rows,
    plan_steps,
    prepare_base,
    read_held_out,
    refuse_leak,
    train_expert,
)
from tasks.home import Home, open_home
from tasks.schema import ArtifactRef


@task(name="find subsets", cache_policy=NO_CACHE)
def resolve_subsets(subsets: ArtifactRef | None) -> ArtifactRef:
    """Return the given subsets, or those selected last."""
    if subsets is not None:
        return subsets
    return find_current_subsets(open_home().artifacts)


@task(name="find dialogues of subsets", cache_policy=NO_CACHE)
def find_corpus_of(subsets: ArtifactRef) -> list[ArtifactRef]:
    """Return the dialogues that subsets were selected from: their held-out part is what models are compared on."""
    return corpus_of(open_home().artifacts, subsets)


@task(name="prepare base model", cache_policy=NO_CACHE)
def prepare_base_model(config: ExperimentConfig) -> Base:
    """Convert or find the base model; nothing is loaded yet."""
    return prepare_base(config.expert.base_model, config.expert.revision, open_home().settings.cache_dir)


@task(name="train expert", task_run_name="train {name}", cache_policy=NO_CACHE)
def train_adapter(
    name: str, subsets: ArtifactRef, base: Base, config: ExperimentConfig, max_minutes: float | None = None
) -> ArtifactRef:
    """Train one adapter, an expert or a control, on its rows of the subsets; go on where a killed run was."""
    home = open_home()
    n_steps = steps_of(home, subsets, config)[name]
    recipe = expert_recipe(name, subsets, base, config.expert, n_steps)
    checkpoints = Checkpoints(home.settings.cache_dir / "training" / recipe.digest, max_minutes=max_minutes)

    def build(folder: Path) -> dict[str, Any]:
        rows = pick_rows(home.artifacts.open(subsets), name, config.expert.seed)
        refuse_leak(rows, read_held_out(home.artifacts, subsets))
        token = home.settings.hub_token
        return train_expert(
            base, rows, config.expert, folder, name,
            n_steps=n_steps, device=home.settings.device, token=token, checkpoints=checkpoints,
        )  # fmt: skip

    ref = home.artifacts.produce(recipe, build)
    checkpoints.clear()
    home.artifacts.set_current(f"expert-{name}", ref)
    return home.record(ref)


def steps_of(home: Home, subsets: ArtifactRef, config: ExperimentConfig) -> dict[str, int]:
    """Return every adapter's optimizer steps for these subsets."""
    counts = home.artifacts.read_manifest(subsets.uri)["facts"]["counts"]
    sizes = {name: counts[name] for name in ("sensibility", "rationality", "discard")}
    return plan_steps(sizes, config.expert, config.router)
