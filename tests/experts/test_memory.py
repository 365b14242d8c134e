"""The memory a training will need: refused before the model is loaded, and growing with what takes memory."""

from pathlib import Path
from typing import Any

import pytest

from tasks.config import ExpertConfig
from tasks.errors import ConfigError
from tasks.experts import Base, Runtime, check_memory, load_tokenizer, memory, prepare_lesson, train_expert
from tasks.experts.bases import load_shape
from tasks.experts.memory import estimate_memory, find_largest, measure_free

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

CONFIG = ExpertConfig(base_model="tiny-llama", batch_size=8, max_length=128, too_long="cut")
MLP = ("gate_proj", "up_proj", "down_proj")


def make_lesson(base: Base, rows: Any, config: ExpertConfig = CONFIG) -> Any:
    return prepare_lesson(rows, None, base, load_tokenizer(base), config, config, 3, Runtime())


def test_the_estimate_grows_with_what_takes_memory(base: Base, make_rows: Any) -> None:
    shape, lesson = load_shape(base), make_lesson(base, make_rows(24))
    whole = estimate_memory(shape, lesson, CONFIG, MLP, "cpu")
    split = estimate_memory(shape, lesson, CONFIG.model_copy(update={"micro_batch_size": 2}), MLP, "cpu")
    wider = estimate_memory(shape, lesson, CONFIG, ("q_proj", *MLP), "cpu", n_adapters=2)
    on_gpu = estimate_memory(shape, lesson, CONFIG, MLP, "cuda")
    n_weights = sum(weight.numel() for weight in shape.parameters())
    assert whole.weights == 4 * n_weights
    assert on_gpu.weights == 2 * n_weights
    assert split.activations < whole.activations < wider.activations
    assert split.logits < whole.logits
    assert wider.adapters > 2 * whole.adapters
    assert whole.total == whole.weights + whole.adapters + whole.activations + whole.logits


def test_the_largest_pass_counts_padding_and_labels(base: Base, make_rows: Any) -> None:
    ordered = make_lesson(base, make_rows(24)).ordered
    rows = ordered.to_dicts()
    for size in (1, 4, 8):
        passes = [rows[at : at + size] for at in range(0, len(rows), size)]
        cells = max(len(part) * max(len(row["input_ids"]) for row in part) for part in passes)
        labels = max(sum(label != -100 for row in part for label in row["labels"]) for part in passes)
        assert find_largest(ordered, size) == (cells, labels)


def test_a_training_that_does_not_fit_is_refused_before_the_model_is_loaded(
    base: Base, make_rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("2500000\n")
    (tmp_path / "memory.stat").write_text("anon 2000000\ninactive_file 500000\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert measure_free("cpu") == 1_000_000
    with pytest.raises(ConfigError, match="needs about") as refused:
        train_expert(base, make_rows(24), CONFIG, tmp_path, "sensibility", n_steps=1, runtime=Runtime("cpu"))
    assert "micro_batch_size" in refused.value.do
    (tmp_path / "memory.max").write_text("max\n")
    assert (
        check_memory(load_shape(base), make_lesson(base, make_rows(24)), CONFIG, MLP, Runtime("cpu")).total > 1_000_000
    )


def test_loading_a_shape_takes_no_memory_for_weights(base: Base) -> None:
    assert {weight.device.type for weight in load_shape(base).parameters()} == {"meta"}


def test_a_base_without_the_target_modules_is_refused_by_its_shape() -> None:
    transformers = pytest.importorskip("transformers")
    from tasks.experts import list_targets

    with torch.device("meta"):
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=1))
    with pytest.raises(ConfigError, match="has no gate_proj, up_proj, down_proj"):
        list_targets(model, CONFIG)
