"""Training of the mixture as a Prefect task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.config import ExperimentConfig
from tasks.experts import EXPERTS, Base, Checkpoints, corpus_of, plan_steps, read_held_out, read_rows, refuse_leak
from tasks.home import open_home
from tasks.router import ROWS_OF, mixture_recipe, read_router_rows, read_turns, train_mixture
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
    recipe = mixture_recipe(subsets, joined, base, config.router, config.expert, n_steps)
    checkpoints = Checkpoints(home.settings.cache_dir / "training" / recipe.digest, max_minutes=max_minutes)

    def build(folder: Path) -> dict[str, Any]:
        turns, held_out = home.artifacts.open(subsets), read_held_out(home.artifacts, subsets)
        rows = read_router_rows(turns, config.router.data)
        own_rows = {name: read_rows(turns, (name,)) for name in EXPERTS if config.router.init == "data"}
        for seen in (rows, *own_rows.values()):
            refuse_leak(seen, held_out)
        folders = {name: home.artifacts.open(ref) for name, ref in joined.items()}
        token = home.settings.hub_token
        shown = read_turns([home.artifacts.open(ref) for ref in corpus_of(home.artifacts, subsets)], held_out)
        return train_mixture(
            base, folders, rows, config.router, config.expert, folder,
            n_steps=n_steps, device=home.settings.device, token=token, own_rows=own_rows,
            checkpoints=checkpoints, held_out=shown,
        )  # fmt: skip

    ref = home.artifacts.produce(recipe, build)
    checkpoints.clear()
    home.artifacts.set_current("mixture", ref)
    return home.record(ref)
