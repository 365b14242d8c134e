"""A router stage that was stopped goes on from its newest checkpoint, and ends as if it had not been."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks.config import ExpertConfig, RouterConfig
from tasks.errors import StoppedShortError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts import Checkpoints, Runtime  # noqa: E402 - after the skip
from tasks.router import train_mixture  # noqa: E402 - likewise

EXPERT = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut")
N_STEPS = 4


@pytest.mark.parametrize("what", ["router", "router+experts"])
def test_going_on_from_any_checkpoint_ends_as_the_whole_run_does_to_the_byte(
    what: str, base: Any, trained_experts: Any, rows: Any, tmp_path: Path
) -> None:
    def train(folder: Path, checkpoints: Checkpoints | None = None) -> list[dict[str, float]]:
        config = RouterConfig(train=what, expert_learning_rate=1e-3)
        folder.mkdir(exist_ok=True)
        train_mixture(
            base,
            trained_experts,
            rows,
            config,
            EXPERT,
            folder,
            n_steps=N_STEPS,
            runtime=Runtime("cpu", checkpoints=checkpoints),
        )
        return json.loads((folder / "training.json").read_text())["loss"]

    whole = train(tmp_path / "whole")
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.safetensors"))
    assert files
    for stopped_at in range(1, N_STEPS):
        shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
        for _ in range(stopped_at):  # the time is always up: one step each
            with pytest.raises(StoppedShortError):
                train(tmp_path / "short", Checkpoints(tmp_path / "checkpoints", max_minutes=0))
        kept = tmp_path / f"kept-{stopped_at}"
        assert train(kept, Checkpoints(tmp_path / "checkpoints")) == whole
        for file in files:
            assert (kept / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
