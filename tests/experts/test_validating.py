"""The loss on turns that are not learned from: looked at when asked for, the same after a stop; the best is kept."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ExpertConfig
from tasks.errors import StoppedShortError
from tasks.experts import Base, Checkpoints, Runtime, load_expert, train_expert

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts.validating import plan_looks  # noqa: E402 - after the skip

CONFIG = ExpertConfig(
    base_model="tiny-llama", learning_rate=5e-2, batch_size=4, max_length=128, too_long="cut",
    n_evaluations=6, eval_turns=8, keep="best",
)  # fmt: skip
N_STEPS = 6


@pytest.fixture
def train(base: Base, make_rows: Any) -> Any:
    """Train an expert of six steps into a folder, looked at after each; return its record."""

    def run(folder: Path, config: ExpertConfig = CONFIG, checkpoints: Checkpoints | None = None) -> dict[str, Any]:
        folder.mkdir(exist_ok=True)
        strange = pl.lit([{"role": "assistant", "content": "0123456789 QXZ #@!"}])  # what it learns makes this unlikely
        valid, runtime = make_rows(12, start=100).with_columns(completion=strange), Runtime("cpu", None, checkpoints)
        train_expert(base, make_rows(24), config, folder, "sensibility", n_steps=N_STEPS, valid=valid, runtime=runtime)
        return json.loads((folder / "training.json").read_text())

    return run


def test_looks_are_spread_evenly_and_the_last_step_is_one() -> None:
    assert plan_looks(100, 4) == {25, 50, 75, 100}
    assert plan_looks(3, 10) == {1, 2, 3}
    assert plan_looks(7, 2) == {4, 7}


def test_the_best_weights_are_kept_and_are_those_of_their_step(train: Any, base: Base, tmp_path: Path) -> None:
    record = train(tmp_path / "best")
    losses = {look["step"]: look["eval_loss"] for look in record["eval_loss"]}
    assert list(losses) == list(range(1, N_STEPS + 1))
    assert record["kept_step"] == min(losses, key=losses.__getitem__)
    assert record["kept_step"] < N_STEPS, "or this test shows nothing"
    assert record["eval_loss"] != []

    last = train(tmp_path / "last", CONFIG.model_copy(update={"keep": "last"}))
    assert last["loss"] == record["loss"], "looking must not change what is learned"
    assert last["kept_step"] == N_STEPS
    weights = [(tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("best", "last")]
    assert weights[0] != weights[1]
    load_expert(tmp_path / "best", base, "cpu")


def test_a_stopped_training_finds_the_same_best(train: Any, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    for stopped_at in (whole["kept_step"], N_STEPS - 1):
        shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
        for _ in range(stopped_at):
            with pytest.raises(StoppedShortError):
                train(tmp_path / "short", checkpoints=Checkpoints(tmp_path / "checkpoints", max_minutes=0))
        resumed = train(tmp_path / "resumed", checkpoints=Checkpoints(tmp_path / "checkpoints"))
        assert {name: resumed[name] for name in ("loss", "eval_loss", "kept_step")} == {
            name: whole[name] for name in ("loss", "eval_loss", "kept_step")
        }
        name = "adapter_model.safetensors"
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_nobody_looks_unless_asked_to(train: Any, tmp_path: Path) -> None:
    record = train(tmp_path / "quiet", CONFIG.model_copy(update={"n_evaluations": 0, "keep": "last"}))
    assert record["eval_loss"] == []
    assert record["kept_step"] == N_STEPS
