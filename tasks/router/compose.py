"""Composing a mixture: a base's linears replaced by ones that hold all experts, and the experts taken out again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.errors import ConfigError
from tasks.router.adapters import Adapter, LowRank, read_adapter

if TYPE_CHECKING:
    from torch import Generator, nn
    from transformers import PreTrainedModel

    from tasks.router.routed_mlp import LoraStack, Router

Routing = Literal["block", "linear"]
MLP_LINEARS = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class MixtureSpec:
    """What a composed model is made of; the order of the experts is that of the gates."""

    routing: Routing
    expert_configs: Mapping[str, Mapping[str, Any]]
    """PEFT config of each expert by its name."""

    @property
    def experts(self) -> tuple[str, ...]:
        """Names of the experts in the order of the gates."""
        return tuple(self.expert_configs)


def compose_mixture(
    base_model: PreTrainedModel,
    expert_folders: Mapping[str, Path],
    routing: Routing,
    init_std: float,
    seed: int,
) -> PreTrainedModel:
    """Return `base_model` itself, its adapted linears replaced by mixtures of the experts; every weight is frozen.

    MLPs are routed: `block` has one gate for each MLP block, `linear` one for each of its three linears. Adapters
    of attention linears are averaged. Gates start from a normal distribution with spread `init_std`; at 0 every
    gate is 1/n. The result is a transformers model as before (`generate`, KV cache) with a `mixture` attribute.
    Raises ArtifactError for an unreadable expert, ConfigError for experts or a base that cannot be mixed.
    """
    import torch

    adapters = {name: read_adapter(folder) for name, folder in expert_folders.items()}
    if len(adapters) < 2:
        raise ConfigError(f"A mixture needs at least two experts, not {len(adapters)}.", where="experts")
    composer = _Composer(base_model, adapters, routing, init_std, torch.Generator().manual_seed(seed))
    composer.compose()
    base_model.requires_grad_(False)
    spec = MixtureSpec(routing, {name: adapter.config for name, adapter in adapters.items()})
    base_model.mixture = spec  # type: ignore[assignment]  # a plain attribute, no layer
    return base_model.eval()


def get_spec(model: nn.Module) -> MixtureSpec:
    """Return what a composed model is made of. Raises ConfigError for a model that is no mixture."""
    spec = getattr(model, "mixture", None)
    if not isinstance(spec, MixtureSpec):
        raise ConfigError("The model is not a mixture.", do="make one with compose_mixture or load_mixture")
    return spec


def extract_adapters(model: nn.Module) -> dict[str, Adapter]:
    """Return each expert of a mixture as the adapter it would be on its own, trained weights included."""
    from tasks.router.routed_mlp import LoraStack

    spec = get_spec(model)
    stacks = {base_path(name): module for name, module in model.named_modules() if isinstance(module, LoraStack)}

    def take(expert: int, config: Mapping[str, Any]) -> Adapter:
        held = {path: stack for path, stack in stacks.items() if stack.ranks[expert]}
        weights = {path: LowRank(*(half.cpu() for half in stack.unstack(expert))) for path, stack in held.items()}
        return Adapter(config, weights)

    return {name: take(i, config) for i, (name, config) in enumerate(spec.expert_configs.items())}


def base_path(stack_path: str) -> str:
    """Return the path of the base's linear that a stack belongs to.

    A block keeps its stacks in `mlp.experts.gate_proj`, a single linear in `q_proj.experts`.
    """
    parent, _, leaf = stack_path.rpartition(".")
    return parent if leaf == "experts" else f"{parent.removesuffix('.experts')}.{leaf}"


class _Composer:
    """One composition: finds where each update belongs and replaces the modules there, in the model's order."""

    def __init__(
        self,
        model: PreTrainedModel,
        adapters: Mapping[str, Adapter],
        routing: Routing,
        init_std: float,
        generator: Generator,
    ) -> None:
        from torch import nn

        self.model, self.adapters, self.routing = model, list(adapters.values()), routing
        self.init_std, self.generator = init_std, generator
        self.modules = dict(model.named_modules())
        self.linears = {path: module for path, module in self.modules.items() if isinstance(module, nn.Linear)}
        self.adapted = {path for adapter in self.adapters for path in adapter.weights}

    def compose(self) -> None:
        """Replace every adapted linear, or every MLP block that has one."""
        blocks = self._find_blocks()
        routed = {path for linears in blocks.values() for path in linears}
        self._check_targets(routed)
        if not routed & self.adapted:
            raise ConfigError(
                "No expert adapts an MLP, so there is nothing to route.",
                where="expert.target_modules",
                do="train the experts on gate_proj, up_proj and down_proj",
            )
        for path in self.modules:
            if self.routing == "block" and self.adapted.intersection(blocks.get(path, ())):
                self.model.set_submodule(path, self._route_block(path))
            elif path in self.adapted and not (self.routing == "block" and path in routed):
                self.model.set_submodule(path, self._mix_linear(path, is_routed=path in routed))

    def _find_blocks(self) -> dict[str, list[str]]:
        """Return the gated MLPs (three known linears and an activation) with the paths of their linears."""
        from torch import nn

        def name_linears(path: str) -> list[str]:
            return [f"{path}.{leaf}" for leaf in MLP_LINEARS]

        candidates = [path for path, m in self.modules.items() if isinstance(getattr(m, "act_fn", None), nn.Module)]
        return {path: name_linears(path) for path in candidates if self.linears.keys() >= set(name_linears(path))}

    def _check_targets(self, routed: Collection[str]) -> None:
        """Raise ConfigError for an update that belongs to no linear of an MLP or of attention, or does not fit it."""
        for path in sorted(self.adapted):
            if path not in self.linears:
                raise misfit(path, "the base has no linear layer there")
            if path not in routed and "attn" not in path and "attention" not in path:
                raise misfit(path, "only attention and an MLP's gate_proj, up_proj and down_proj can be mixed")
            linear = self.linears[path]
            for update in (adapter.weights.get(path) for adapter in self.adapters):
                if update and (update.a.shape[1], update.b.shape[0]) != (linear.in_features, linear.out_features):
                    raise misfit(path, f"an update of {update.b.shape[0]} x {update.a.shape[1]} for {linear}")

    def _route_block(self, path: str) -> nn.Module:
        """Return the block with one gate. Raises ConfigError if it is not a plain gated MLP."""
        from tasks.router.routed_mlp import RoutedMLP

        mlp = self.modules[path]
        entry = self.linears[f"{path}.gate_proj"]
        stacks = {leaf: self._stack(f"{path}.{leaf}") for leaf in MLP_LINEARS}
        block = RoutedMLP(mlp, stacks, self._make_router(entry))
        if not block.computes(mlp):
            raise ConfigError(
                f"{type(mlp).__name__} is not a plain gated MLP, so its experts cannot be routed as a block.",
                where=path,
                do="use routing = 'linear', which leaves the block's own computation in place",
            )
        return block

    def _mix_linear(self, path: str, is_routed: bool) -> nn.Module:
        from tasks.router.routed_mlp import AveragedLinear, RoutedLinear

        linear, stack = self.linears[path], self._stack(path)
        return RoutedLinear(linear, stack, self._make_router(linear)) if is_routed else AveragedLinear(linear, stack)

    def _stack(self, path: str) -> LoraStack:
        """Return the experts' updates of one linear, on its device; an expert without one has rank 0."""
        import torch

        from tasks.router.routed_mlp import LoraStack

        linear = self.linears[path]
        nothing = LowRank(torch.zeros(0, linear.in_features), torch.zeros(linear.out_features, 0))
        updates = [adapter.weights.get(path, nothing) for adapter in self.adapters]
        ranks = [update.a.shape[0] for update in updates]
        scales = [adapter.scale_of(rank) if rank else 0.0 for adapter, rank in zip(self.adapters, ranks, strict=True)]
        return LoraStack(updates, scales).to(linear.weight.device)

    def _make_router(self, linear: nn.Linear) -> Router:
        """Return a gate with random weights; drawn on the CPU, so that a seed means the same everywhere."""
        import torch

        from tasks.router.routed_mlp import Router

        weight = torch.randn(len(self.adapters), linear.in_features, generator=self.generator)
        return Router(weight * self.init_std).to(linear.weight.device)


def misfit(path: str, reason: str) -> ConfigError:
    """Return the error for an update that has no place in the base."""
    return ConfigError(
        f"An expert does not fit this base model: {reason}.",
        where=path,
        do="use the base model the experts were trained on, with target_modules = 'composable' or 'paper'",
    )
