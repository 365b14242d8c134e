"""Training of the mixture as a Prefect task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.config import ExperimentConfig
from tasks.experts import EXPERTS, Base, plan_steps, read_held_out, read_rows, refuse_leak
from tasks.home import open_home
from tasks.router import mixture_recipe, train_mixture
from tasks.schema import ArtifactRef

ROWS_OF = {
    "union": ("sensibility", "rationality"),
    "all": ("sensibility", "rationality", "discard"),
    "sensibility": ("sensibility",),
}


@task(name="train router", cache_policy=NO_CACHE)
def train_mixture_task(
    subsets: ArtifactRef, experts: dict[str, ArtifactRef], base: Base, config: ExperimentConfig
) -> ArtifactRef:
    """Join the two experts and train what the config says of the mixture."""
    home = open_home()
    counts = home.artifacts.read_manifest(subsets.uri)["facts"]["counts"]
    sizes = {name: counts[name] for name in ROWS_OF["all"]}
    n_steps = plan_steps(sizes, config.expert, config.router)["router"]

    def build(folder: Path) -> dict[str, Any]:
        rows = read_rows(home.artifacts.open(subsets), ROWS_OF[config.router.data])
        refuse_leak(rows, read_held_out(home.artifacts, subsets))
        folders = {name: home.artifacts.open(experts[name]) for name in EXPERTS}
        token = home.settings.hub_token
        return train_mixture(
            base, folders, rows, config.router, config.expert, folder,
            n_steps=n_steps, device=home.settings.device, token=token,
        )  # fmt: skip

    ref = home.artifacts.produce(
        mixture_recipe(subsets, {name: experts[name] for name in EXPERTS}, base, config.router, config.expert, n_steps),
        build,
    )
    home.artifacts.set_current("mixture", ref)
    return home.record(ref)
