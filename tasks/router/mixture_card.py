"""The model card of a mixture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.experts import (
    NOT_YET,
    Ancestor,
    Base,
    ModelCard,
    describe_origin,
    limits_of_training,
    pick_kind,
    tell_training,
    write_card,
)
from tasks.router.gate_layers import LayerGates, average_layers, say_not_routed
from tasks.router.recipe import FROM_EXPERT

TRAINING_FILE = "training.json"
WHAT = {
    "block": "Two LoRA experts on one base, joined by a gate in front of each MLP block, for every token.",
    "linear": "Two LoRA experts on one base, joined by a gate in front of each linear of an MLP, for every token.",
}
GROUPS = {"sensibility": "sensibility turns", "rationality": "rationality turns", "discard": "discarded turns"}


def write_mixture_card(folder: Path, base: Base, lineage: Sequence[Ancestor]) -> None:
    """Write README.md beside a mixture that was just trained; `lineage` starts with what it was made from."""
    write_card(describe_mixture(folder, base, lineage), folder)


def describe_mixture(folder: Path, base: Base, lineage: Sequence[Ancestor]) -> ModelCard:
    """Return the card of the mixture in `folder`, without an evaluation."""
    record = json.loads((folder / TRAINING_FILE).read_text(encoding="utf-8"))
    router, expert = record["config"]["router"], record["config"]["expert"]
    layers = average_layers(record.get("gates", ()))
    shown = {name: value for name, value in router.items() if name not in ("epochs", "max_steps")}
    shared = {name: expert[name] for name in FROM_EXPERT if name in expert}
    not_routed = say_not_routed(layers)
    return ModelCard(
        title="A mixture of two empathetic experts",
        what=f"{WHAT[router['routing']]} `empathy serve` and `empathy chat` run it.",
        origin=describe_origin(base, lineage),
        library="transformers",
        training=[*tell_training(record, {**shown, **shared}), *tell_gates(record, layers)],
        evaluation=NOT_YET,
        tags=("mixture-of-experts", "lora"),
        artifacts=[tell_expert(one) for one in pick_kind(lineage, "expert")],
        limits=[*([not_routed] if not_routed else []), *limits_of_training(record)],
    )


def tell_expert(expert: Ancestor) -> tuple[str, str]:
    """Return the row of one expert of a mixture, with the subsets that it was first trained on."""
    subsets = [f"`subsets/{ref.config_digest}`" for ref in expert.parents if ref.kind == "subsets"]
    origin = f", first trained on {', '.join(subsets)}" if subsets else ""
    name = expert.config.get("name", "")
    return f"expert {name}".strip(), f"`{expert.name}`, sha256 `{expert.ref.sha256}`{origin}"


def tell_gates(record: Mapping[str, Any], layers: Sequence[LayerGates]) -> list[tuple[str, str]]:
    """Return what the gates do after training: means over the layers, and by subset."""
    if not layers:
        return []
    gates = [layer.gate for layer in layers]
    mean = sum(gates) / len(gates)
    said = f"{mean:.3f} over all layers, {min(gates):.3f} to {max(gates):.3f} by layer"
    distances = [layer.distance for layer in layers if layer.distance is not None]
    shares = [layer.entropy_share for layer in layers if layer.entropy_share is not None]
    if distances and shares:
        said += f"; mean |gate - 0.5| {sum(distances) / len(distances):.3f}"
        said += f", entropy {sum(shares) / len(shares):.3f} of ln 2"
    by_subset = {name: average_layers(found) for name, found in record.get("gates_by_subset", {}).items()}
    of_subset = [
        f"{sum(layer.gate for layer in found) / len(found):.3f} on {GROUPS.get(name, name)}"
        for name, found in by_subset.items()
        if found
    ]
    rows = [("gate of the sensibility expert", said)]
    rows += [("the same by subset", ", ".join(of_subset))] if of_subset else []
    return rows
