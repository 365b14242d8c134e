"""A training tells the trackers that the machine's settings name, and makes the same to the byte without them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.config import ExpertConfig
from tasks.errors import ConfigError
from tasks.experts import Base, Checkpoints, Runtime, Tracking, check_trackers, train_expert
from tasks.settings import Settings

CONFIG = ExpertConfig(
    base_model="tiny-llama", learning_rate=5e-3, batch_size=4, max_length=128, too_long="cut", n_evaluations=1,
    eval_turns=4,
)  # fmt: skip
FILES = ("adapter_model.safetensors", "adapter_config.json", "rows.parquet", "training.json")


def test_an_unknown_tracker_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'tensorbord'") as refused:
        check_trackers(["tensorbord"])
    assert refused.value.where == "EMPATHY_REPORT_TO"
    assert "tensorboard, mlflow, wandb" in refused.value.do


def test_a_tracker_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.experts.tracking.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="'mlflow' is not installed") as refused:
        check_trackers(["mlflow"])
    assert "[tracking]" in refused.value.do


def test_a_run_is_called_after_what_it_makes_and_stands_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.setenv("EMPATHY_HOME", "/somewhere")
    monkeypatch.setenv("EMPATHY_REPORT_TO", "tensorboard, tensorboard")
    expected = Tracking(("tensorboard",), Path("/somewhere/tracking"), "union-0123456789ab")
    assert Runtime.of(Settings(), "0123456789abcdef", "union").tracking == expected
    monkeypatch.setenv("EMPATHY_REPORT_TO", "tensorboard,nobody")
    with pytest.raises(ConfigError):
        Runtime.of(Settings(), "0123456789abcdef", "union")


@pytest.mark.train
def test_tensorboard_holds_the_losses_and_the_adapter_is_the_same(base: Base, make_rows: Any, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tracking = Tracking(("tensorboard",), tmp_path / "tracking", "sensibility-0123")
    for name, told in (("with", tracking), ("without", None)):
        (tmp_path / name).mkdir()
        runtime = Runtime("cpu", checkpoints=Checkpoints(tmp_path / f"{name}-checkpoints"), tracking=told)
        train_expert(base, make_rows(12), CONFIG, tmp_path / name, "sensibility", 2, make_rows(4, start=100), runtime)
    for name in FILES:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes(), name
    assert [path.name for path in (tmp_path / "tracking").iterdir()] == ["sensibility-0123"]
    found = accumulator.EventAccumulator(str(tmp_path / "tracking" / "sensibility-0123"))
    found.Reload()
    record = json.loads((tmp_path / "with" / "training.json").read_text())
    losses = [(event.step, event.value) for event in found.Scalars("train/loss")]
    assert losses == [(step["step"], pytest.approx(step["loss"], rel=1e-6)) for step in record["loss"]]
    assert found.Scalars("eval/loss")[0].value == pytest.approx(record["eval_loss"][0]["eval_loss"], rel=1e-6)


def test_an_unknown_tracker_exits_2_before_anything_starts(tmp_path: Path) -> None:
    env = {**os.environ, "EMPATHY_HOME": str(tmp_path), "EMPATHY_REPORT_TO": "tensorbord", "COLUMNS": "120"}
    command = [sys.executable, "-m", "flows", "train", "--profile", "smoke"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "tensorbord" in done.stderr
    assert "EMPATHY_REPORT_TO" in done.stderr
    assert not any(tmp_path.iterdir()), "no server, no database"


def train_twice(base: Base, rows: Any, service: str, folder: Path) -> list[list[float]]:
    """Train two adapters in this process, told to one tracker; return the losses of each step."""
    losses = []
    for name in ("first", "second"):
        (folder / name).mkdir()
        tracking = Tracking((service,), folder / "tracking", f"{name}-0123")
        train_expert(base, rows, CONFIG, folder / name, name, 2, runtime=Runtime("cpu", tracking=tracking))
        losses.append([step["loss"] for step in json.loads((folder / name / "training.json").read_text())["loss"]])
    return losses


@pytest.mark.train
@pytest.mark.system
@pytest.mark.long
def test_mlflow_keeps_a_run_a_training_in_a_local_store(
    base: Base, make_rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    losses = train_twice(base, make_rows(8), "mlflow", tmp_path)
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'tracking' / 'mlflow.db'}")
    runs = {run.info.run_name: run for run in client.search_runs(["0"])}
    assert sorted(runs) == ["first-0123", "second-0123"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for name, expected in zip(sorted(runs), losses, strict=True):
        told = client.get_metric_history(runs[name].info.run_id, "loss")
        assert [point.value for point in sorted(told, key=lambda point: point.step)] == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second", "tracking"]


@pytest.mark.train
@pytest.mark.system
@pytest.mark.long
def test_weights_and_biases_offline_keeps_a_run_a_training(
    base: Base, make_rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    train_twice(base, make_rows(8), "wandb", tmp_path)
    runs = list((tmp_path / "tracking" / "wandb").glob("offline-run-*/*.wandb"))
    assert [path.stat().st_size > 0 for path in runs] == [True, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second", "tracking"]
