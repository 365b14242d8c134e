"""A training that was stopped goes on from its newest whole checkpoint, and ends as if it had not been."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks.config import ExpertConfig
from tasks.errors import StoppedShortError
from tasks.experts import Base, Checkpoints, Runtime, train_expert

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

CONFIG = ExpertConfig(base_model="tiny-llama", learning_rate=5e-3, batch_size=4, max_length=128, too_long="cut")
FILES = ("adapter_model.safetensors", "adapter_config.json", "rows.parquet")
N_STEPS = 6


@pytest.fixture
def train(base: Base, make_rows: Any) -> Any:
    """Train an expert of six steps into a folder; return its record."""

    def run(folder: Path, checkpoints: Checkpoints | None = None) -> dict[str, Any]:
        folder.mkdir()
        train_expert(
            base,
            make_rows(24),
            CONFIG,
            folder,
            "sensibility",
            n_steps=N_STEPS,
            runtime=Runtime("cpu", checkpoints=checkpoints),
        )
        return json.loads((folder / "training.json").read_text())

    return run


def test_going_on_from_any_checkpoint_ends_as_the_whole_run_does_to_the_byte(train: Any, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    kept = tmp_path / "kept"
    for stopped_at in range(1, N_STEPS):
        shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
        for _ in range(stopped_at):  # the time is always up: one step each
            with pytest.raises(StoppedShortError) as stopped:
                train(tmp_path / f"short-{stopped_at}-{_}", Checkpoints(tmp_path / "checkpoints", max_minutes=0))
        assert f"{stopped_at} of {N_STEPS} steps" in stopped.value.what
        shutil.rmtree(kept, ignore_errors=True)
        resumed = train(kept, Checkpoints(tmp_path / "checkpoints"))
        assert resumed["loss"] == whole["loss"]
        for name in FILES:
            assert (kept / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_checkpoint_that_a_kill_cut_off_is_passed_over_and_removed(train: Any, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", every_s=0)
    whole = train(tmp_path / "whole", checkpoints)
    assert sorted(path.name for path in checkpoints.folder.glob("checkpoint-*")) == ["checkpoint-4", "checkpoint-5"]
    state = checkpoints.folder / "checkpoint-5" / "trainer_state.json"
    state.write_text(state.read_text()[:40])
    assert checkpoints.find_newest() == checkpoints.folder / "checkpoint-4"
    assert not (checkpoints.folder / "checkpoint-5").exists()
    assert train(tmp_path / "again", checkpoints)["loss"] == whole["loss"]


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "nowhere").find_newest() is None
