"""What a mixture's folder tells of its gates: by layer, subset and class of token, over its training, in dialogues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from tasks.errors import ArtifactError
from tasks.reporting.training_log import TRAINING_FILE
from tasks.router import LayerGates, average_layers

TOKENS_FILE = "token_gates.json"


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """One listener turn: what it answers, and the text and gate of each of its tokens."""

    said: str
    tokens: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class RoutingLog:
    """Everything known of a mixture's gates; any part may be empty."""

    layers: tuple[LayerGates, ...] = ()
    by_subset: Mapping[str, tuple[LayerGates, ...]] = field(default_factory=dict)
    by_class: Mapping[str, tuple[LayerGates, ...]] = field(default_factory=dict)
    course: tuple[tuple[int, float, float], ...] = ()
    """(step, entropy as a share of ln 2, distance from one half), means over the layers, in the order of the steps."""
    dialogues: tuple[tuple[SpokenTurn, ...], ...] = ()
    is_held_out: bool = False
    """Whether those dialogues were kept out of training."""


def read_routing_log(folder: Path) -> RoutingLog:
    """Return what a mixture's folder holds. Raises ArtifactError if one of its files is not JSON."""
    return parse_routing_log(read_json(folder / TRAINING_FILE), read_json(folder / TOKENS_FILE))


def read_json(path: Path) -> dict[str, Any]:
    """Return a file's object; an empty one where there is no file. Raises ArtifactError if it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ArtifactError("The record is not JSON.", where=str(path), do="run `empathy route` again") from None


def parse_routing_log(training: Mapping[str, Any], tokens: Mapping[str, Any]) -> RoutingLog:
    """Return a log from the `gates…` keys of training.json and from token_gates.json; every key may be missing."""
    return RoutingLog(
        layers=average_layers(training.get("gates", ())),
        by_subset={name: average_layers(found) for name, found in training.get("gates_by_subset", {}).items()},
        by_class={name: average_layers(found) for name, found in training.get("gates_by_class", {}).items()},
        course=tuple(
            (int(point["step"]), mean_over(point, "entropy_share"), mean_over(point, "distance"))
            for point in training.get("gates_by_step", ())
        ),
        dialogues=tuple(
            tuple(SpokenTurn(turn["said"], tuple(map(tuple, turn["tokens"]))) for turn in dialogue["turns"])
            for dialogue in tokens.get("dialogues", ())
        ),
        is_held_out=bool(tokens.get("is_held_out")),
    )


def mean_over(point: Mapping[str, Any], name: str) -> float:
    """Return the mean of a value over the layers of a step."""
    return fmean(layer[name] for layer in point["layers"])
