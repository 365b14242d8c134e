"""The systems of a comparison: which adapters they need, and how each is loaded."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, cast

from tasks.config import ADAPTERS, AdapterName, ExperimentConfig, SystemName
from tasks.evaluation.paired import list_partners
from tasks.experts import EXPERTS, Base, load_base, load_expert
from tasks.home import Home
from tasks.router import load_mixture
from tasks.schema import ArtifactRef

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def list_adapters(config: ExperimentConfig, *, for_mixture: bool = False) -> tuple[AdapterName, ...]:
    """Return the experts and controls that the config's systems and controls need; a mixture needs both experts."""
    wanted = (*config.evaluation.systems, *config.controls, *(EXPERTS if for_mixture or has_mixture(config) else ()))
    return tuple(name for name in ADAPTERS if name in wanted)


def add_partners(systems: Sequence[SystemName], models: Container[str]) -> tuple[SystemName, ...]:
    """Return the systems, and those of `models` that they must be compared with before anything is claimed for them."""
    return (*systems, *(name for name in list_partners(systems) if name in models))


def has_mixture(config: ExperimentConfig) -> bool:
    """Say whether the mixture is one of the systems."""
    return "mixture" in config.evaluation.systems


def load_system(home: Home, model: ArtifactRef | None, base: Base) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a system ready to answer: the base model (None), an expert or a mixture, by the artifact's kind."""
    device = home.settings.device
    token = home.settings.hub_token
    if model is None:
        return load_base(base, device, token)
    folder = home.artifacts.open(model)
    if model.kind == "mixture":
        return load_mixture(folder, base, device, token)
    expert, tokenizer = load_expert(folder, base, device, token)
    return cast("PreTrainedModel", expert), tokenizer  # PEFT's wrapper answers and generates like what it wraps
