"""The router stage in two processes makes the mixture that one makes, and tells the trackers its gates."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ExpertConfig, RouterConfig

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402 - after the skip

from tasks.experts import Runtime, Tracking  # noqa: E402 - likewise
from tasks.router import launch_mixture, train_mixture  # noqa: E402 - likewise

TWO = Path(__file__).resolve().parents[2] / "deployments" / "accelerate" / "ddp-cpu.yaml"
EXPERT = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut", lora_dropout=0.0)
ROUTER = RouterConfig(expert_learning_rate=1e-3, init="data")
WEIGHTS = (
    "router.safetensors",
    *(f"experts/{name}/adapter_model.safetensors" for name in ("sensibility", "rationality")),
)
LAYER = "model.layers.0.mlp"


def test_two_processes_make_the_mixture_that_one_makes_and_tell_its_gates(
    base: Any, trained_experts: dict[str, Path], rows: pl.DataFrame, tmp_path: Path
) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    own = {"sensibility": rows.head(6), "rationality": rows.tail(6)}
    tracking = Tracking(("tensorboard",), tmp_path / "tracking", "mixture-0123")

    def train(how: Any, folder: Path, **fields: Any) -> dict[str, Any]:
        runtime = Runtime("cpu", **fields)
        how(base, trained_experts, rows, ROUTER, EXPERT, folder, 3, own, runtime=runtime)
        return json.loads((folder / "training.json").read_text())

    one = train(train_mixture, tmp_path / "one")
    two = train(launch_mixture, tmp_path / "two", accelerate_config=TWO, tracking=tracking)
    assert [step["loss"] for step in two["loss"]] == pytest.approx([step["loss"] for step in one["loss"]], abs=1e-5)
    for name in WEIGHTS:
        weights = [load_file(tmp_path / folder / name) for folder in ("one", "two")]
        assert weights[0].keys() == weights[1].keys()
        assert max(float((weights[0][key] - weights[1][key]).abs().max()) for key in weights[0]) <= 1e-5, name

    found = accumulator.EventAccumulator(str(tmp_path / "tracking" / "mixture-0123"))
    found.Reload()
    gates = [(event.step, event.value) for event in found.Scalars(f"train/gate/{LAYER}/sensibility")]
    noted = [(step["step"], step["layers"][0]["gates"]["sensibility"]) for step in two["gates_by_step"]]
    assert gates == [(step, pytest.approx(gate, rel=1e-6)) for step, gate in noted]
