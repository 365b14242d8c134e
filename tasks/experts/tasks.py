"""Training of adapters as Prefect tasks: one adapter a task, found again if it was trained before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.config import ADAPTERS, ExperimentConfig
from tasks.experts import (
    Base,
    Runtime,
    corpus_of,
    describe_training,
    digest_rows,
    expert_recipe,
    find_current_subsets,
    launch_expert,
    pick_rows,
    plan_steps,
    prepare_base,
    read_held_out,
    read_lineage,
    read_valid,
    refuse_leak,
    write_expert_card,
)
from tasks.home import Home, open_home
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef


@task(name="find subsets", cache_policy=NO_CACHE)
def resolve_subsets(subsets: ArtifactRef | None, split: str | None = None) -> ArtifactRef:
    """Return the given subsets, or those selected last, of a split or of any."""
    if subsets is not None:
        return subsets
    return find_current_subsets(open_home().artifacts, split)


@task(name="find dialogues of subsets", cache_policy=NO_CACHE)
def find_corpus_of(subsets: ArtifactRef) -> list[ArtifactRef]:
    """Return the dialogues that subsets were selected from: their held-out part is what models are compared on."""
    return corpus_of(open_home().artifacts, subsets)


@task(name="prepare base model", cache_policy=NO_CACHE)
def prepare_base_model(config: ExperimentConfig) -> Base:
    """Convert or find the base model; nothing is loaded yet."""
    settings = open_home().settings
    return prepare_base(config.expert.base_model, config.expert.revision, settings.cache_dir, settings.hub_token)


@task(name="train expert", task_run_name="train {name}", cache_policy=NO_CACHE)
def train_adapter(
    name: str, subsets: ArtifactRef, base: Base, config: ExperimentConfig, max_minutes: float | None = None
) -> ArtifactRef:
    """Train one adapter, an expert or a control, on its rows of the subsets; go on where a killed run was."""
    home = open_home()
    rows = pick_rows(home.artifacts.open(subsets), name, config.expert.seed)
    refuse_leak(rows, read_held_out(home.artifacts, subsets))  # of an adapter that is found, too
    valid = read_valid(home.artifacts, subsets, config)
    recipe = recipe_of(home, name, subsets, base, config, rows, valid)
    runtime = Runtime.of(home.settings, recipe.digest, name, max_minutes)
    n_steps = recipe.config["n_steps"]

    def build(folder: Path) -> dict[str, Any]:
        facts = launch_expert(base, rows, config.expert, folder, name, n_steps=n_steps, valid=valid, runtime=runtime)
        write_expert_card(folder, base, read_lineage(home.artifacts, [subsets]))
        return facts

    ref = home.artifacts.produce(recipe, build)
    runtime.clear()
    home.artifacts.set_current(f"expert-{name}", ref)
    facts = home.artifacts.read_manifest(ref.uri)["facts"]
    create_table_artifact(key=f"expert-{name}", table=describe_training(facts), description=f"Expert {name}: {ref.uri}")
    return home.record(ref)


@task(name="find trained adapters", cache_policy=NO_CACHE)
def find_trained(
    names: tuple[str, ...], subsets: ArtifactRef, base: Base, config: ExperimentConfig
) -> dict[str, ArtifactRef]:
    """Return those of the adapters that were trained on these rows before; nothing is trained."""
    home = open_home()
    folder = home.artifacts.open(subsets)
    valid = read_valid(home.artifacts, subsets, config)
    found: dict[str, ArtifactRef] = {}
    for name in (name for name in names if name in ADAPTERS):
        rows = pick_rows(folder, name, config.expert.seed)
        ref = home.artifacts.find(recipe_of(home, name, subsets, base, config, rows, valid))
        if ref is not None:
            found[name] = ref
    return found


def recipe_of(
    home: Home,
    name: str,
    subsets: ArtifactRef,
    base: Base,
    config: ExperimentConfig,
    rows: pl.DataFrame,
    valid: pl.DataFrame | None,
) -> Recipe:
    """Return the recipe of an adapter that learns from these rows of the subsets and is tried on those of `valid`."""
    n_steps = steps_of(home, subsets, config)[name]
    tried = "" if valid is None else digest_rows(valid)
    return expert_recipe(name, subsets, base, config.expert, n_steps, digest_rows(rows), tried)


def steps_of(home: Home, subsets: ArtifactRef, config: ExperimentConfig) -> dict[str, int]:
    """Return every adapter's optimizer steps for these subsets."""
    counts = home.artifacts.read_manifest(subsets.uri)["facts"]["counts"]
    sizes = {name: counts[name] for name in ("sensibility", "rationality", "discard")}
    return plan_steps(sizes, config.expert, config.router)
