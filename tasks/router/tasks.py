"""Training of the mixture as a Prefect task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.config import ExperimentConfig
from tasks.experts import EXPERTS, Base, Runtime, describe_training, plan_steps, read_lineage, read_valid
from tasks.home import open_home
from tasks.router import ROWS_OF, launch_mixture, mixture_recipe, read_material, write_mixture_card
from tasks.schema import ArtifactRef


@task(name="train router", cache_policy=NO_CACHE)
def train_mixture_task(
    subsets: ArtifactRef,
    experts: dict[str, ArtifactRef],
    base: Base,
    config: ExperimentConfig,
    max_minutes: float | None = None,
) -> ArtifactRef:
    """Join the two experts and train what the config says of the mixture; go on where a killed run was."""
    home = open_home()
    counts = home.artifacts.read_manifest(subsets.uri)["facts"]["counts"]
    sizes = {name: counts[name] for name in ROWS_OF["all"]}
    n_steps = plan_steps(sizes, config.expert, config.router)["router"]
    joined = {name: experts[name] for name in EXPERTS}
    material = read_material(home.artifacts, subsets, config.router)  # refuses leaks of a mixture that is found, too
    valid = read_valid(home.artifacts, subsets, config)
    recipe = mixture_recipe(subsets, joined, base, config.router, config.expert, n_steps, material.digests(valid))
    runtime = Runtime.of(home.settings, recipe.digest, "mixture", max_minutes)

    def build(folder: Path) -> dict[str, Any]:
        folders = {name: home.artifacts.open(ref) for name, ref in joined.items()}
        facts = launch_mixture(
            base, folders, material.rows, config.router, config.expert, folder, n_steps=n_steps,
            own_rows=material.own_rows, held_out=material.shown, valid=valid, runtime=runtime,
        )  # fmt: skip
        write_mixture_card(folder, base, read_lineage(home.artifacts, [subsets, *joined.values()]))
        return facts

    ref = home.artifacts.produce(recipe, build)
    runtime.clear()
    home.artifacts.set_current("mixture", ref)
    facts = home.artifacts.read_manifest(ref.uri)["facts"]
    create_table_artifact(key="mixture", table=describe_training(facts), description=f"Mixture: {ref.uri}")
    return home.record(ref)
