"""An evaluation that is cut goes on where it was, and its rows are those of one that was not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.config import EvaluationConfig  # noqa: E402 - torch decides whether this file runs
from tasks.errors import StoppedShortError  # noqa: E402 - likewise
from tasks.evaluation import FinishedBatches, evaluate_system  # noqa: E402 - likewise

CONFIG = EvaluationConfig(max_responses=7, max_new_tokens=6, batch_size=3)
N_BATCHES = 4 + 3
"""Twelve turns to score and seven to answer, three at once."""


class KilledError(Exception):
    """Stands for a kill in the middle of a batch."""


@pytest.fixture
def passes(tiny: Any) -> Iterator[list[int]]:
    """The forward passes of the model, as widths of their inputs; a width is appended before the pass runs."""
    seen: list[int] = []
    handle = tiny[0].get_input_embeddings().register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    yield seen
    handle.remove()


def evaluate(tiny: Any, turns: pl.DataFrame, finished: FinishedBatches | None, **changes: Any) -> pl.DataFrame:
    config = CONFIG.model_copy(update=changes)
    return evaluate_system(*tiny, "base", turns, config, finished=finished)


def list_parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def test_time_that_is_up_after_every_batch_gives_the_uncut_rows_one_batch_a_run(
    tiny: Any, turns: pl.DataFrame, tmp_path: Path
) -> None:
    whole = evaluate(tiny, turns, None)
    for kept in (1, 2, 3, 5, 6):  # nothing is left of the likelihoods after four: that is no place to stop
        with pytest.raises(StoppedShortError, match="minutes are up after") as stopped:
            evaluate(tiny, turns, FinishedBatches(tmp_path, max_minutes=0))
        assert (stopped.value.exit_code, len(list_parts(tmp_path))) == (3, kept)
    rows = evaluate(tiny, turns, FinishedBatches(tmp_path, max_minutes=0))
    assert rows.write_json() == whole.write_json()


def test_a_kill_repeats_the_batch_under_way_only(
    tiny: Any, turns: pl.DataFrame, tmp_path: Path, passes: list[int]
) -> None:
    whole = evaluate(tiny, turns, None)
    n_whole = len(passes)
    passes.clear()
    fatal = 6  # in the third run of `generate`, say: somewhere inside a batch

    def kill(*_: Any) -> None:
        if len(passes) == fatal:
            raise KilledError

    handle = tiny[0].get_output_embeddings().register_forward_pre_hook(kill)
    with pytest.raises(KilledError):
        evaluate(tiny, turns, FinishedBatches(tmp_path))
    handle.remove()
    kept = len(list_parts(tmp_path))
    assert 0 < kept < N_BATCHES
    passes.clear()
    assert evaluate(tiny, turns, FinishedBatches(tmp_path)).write_json() == whole.write_json()
    assert len(passes) <= n_whole - kept
    passes.clear()
    evaluate(tiny, turns, FinishedBatches(tmp_path))
    assert passes == []


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "foreign", "not JSON"])
def test_a_torn_or_foreign_part_is_passed_over(tiny: Any, turns: pl.DataFrame, tmp_path: Path, damage: str) -> None:
    whole = evaluate(tiny, turns, FinishedBatches(tmp_path))
    first, second, *_ = list_parts(tmp_path)
    text = first.read_text(encoding="utf-8")
    part = json.loads(text)
    damaged = {
        "cut": text[: len(text) // 2],
        "empty": "",
        "changed": json.dumps({**part, "values": [*part["values"][::-1], "more"]}),
        "foreign": second.read_text(encoding="utf-8"),
        "not JSON": "[1, 2",
    }
    first.write_text(damaged[damage], encoding="utf-8")
    assert evaluate(tiny, turns, FinishedBatches(tmp_path)).write_json() == whole.write_json()
    assert json.loads(first.read_text(encoding="utf-8")) == part


def test_other_batches_find_nothing_of_these(tiny: Any, turns: pl.DataFrame, tmp_path: Path) -> None:
    evaluate(tiny, turns, FinishedBatches(tmp_path))
    rows = evaluate(tiny, turns, FinishedBatches(tmp_path), batch_size=5)
    assert rows.write_json() == evaluate(tiny, turns, None, batch_size=5).write_json()


def test_what_is_done_is_cleared(tiny: Any, turns: pl.DataFrame, tmp_path: Path) -> None:
    finished = FinishedBatches(tmp_path / "digest")
    evaluate(tiny, turns, finished)
    assert list_parts(finished.folder)
    assert not [path for path in finished.folder.iterdir() if path.suffix != ".json"]
    finished.clear()
    assert not finished.folder.exists()
