"""The router stage's trainer, which also notes the gates of some of its steps: one sees whether the router learns.

It defines a subclass, so it imports transformers when it is imported: import it inside functions only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from tasks.experts import MASKED
from tasks.router.compose import get_spec
from tasks.router.gate_sums import GateSums
from tasks.router.inspection import ALL, record_gates
from tasks.router.trainer import MixtureTrainer

N_POINTS = 25
"""At most so many steps of a training are noted (and its first): enough for a curve, and a small record."""
MEASURES = ("entropy", "entropy_share", "distance")


class WatchedTrainer(MixtureTrainer):
    """A MixtureTrainer whose log holds mean gates, entropy and distance of each layer at every so many steps.

    They are those of the response tokens in the training pass itself, on the process that logs. As single numbers
    with names such as `gate/model.layers.0.mlp/sensibility` they also suit every tracker of experiments.
    """

    sums: GateSums | None = None

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return what MixtureTrainer does; on a step that is noted, keep the gates of its pass."""
        if not self.is_noted(self.state.global_step + 1):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        mixture = self._mixture()
        with record_gates(mixture) as gates:
            result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        self.sums = self.sums or GateSums(get_spec(mixture).experts)  # several passes, where steps are accumulated
        self.sums.add(ALL, gates, (inputs["labels"] != MASKED).flatten())
        return result

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log a step, with its gates if they were noted. Raises ConfigError as MixtureTrainer does."""
        if "loss" in logs and self.sums is not None:
            layers = self.sums.describe().get(ALL, [])
            logs = {**logs, **flatten_gates(layers)}
            self.sums = None
        super().log(logs, start_time)

    def is_noted(self, step: int) -> bool:
        """Say whether the gates of a step, counted from 1, are noted: the first, the last, and some between."""
        n_steps = self.state.max_steps
        return step in (1, n_steps) or step % math.ceil(n_steps / N_POINTS) == 0


def flatten_gates(layers: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the entries of `GateSums.describe` as single numbers by name."""
    flat: dict[str, float] = {}
    for entry in layers:
        flat |= {f"gate/{entry['layer']}/{name}": round(mean, 5) for name, mean in entry["gates"].items()}
        flat |= {f"{measure}/{entry['layer']}": round(entry[measure], 5) for measure in MEASURES}
    return flat


def collect_gates(history: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the noted steps of a trainer's history: `step`, and `layers` as `GateSums.describe` has them."""
    noted = [entry for entry in history if any(name.startswith("gate/") for name in entry)]
    in_order = list(noted[-1]) if noted else []  # a checkpoint sorts the names of the steps before it
    steps = []
    for entry in noted:
        layers: dict[str, dict[str, Any]] = {}
        for name in in_order:
            kind, _, rest = name.partition("/")
            if kind == "gate":
                layer, _, expert = rest.rpartition("/")
                layers.setdefault(layer, {"layer": layer, "gates": {}})["gates"][expert] = entry[name]
            elif kind in MEASURES:
                layers[rest][kind] = entry[name]
        steps.append({"step": entry["step"], "layers": list(layers.values())})
    return steps
