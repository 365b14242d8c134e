"""However turns are batched, grouped by length or split into passes, each has its loss and the step its gradient."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ExpertConfig
from tasks.errors import ConfigError
from tasks.experts import (
    Base,
    Runtime,
    collate,
    label_nlls,
    load_base,
    load_tokenizer,
    prepare_lesson,
    share_arguments,
    train_expert,
)
from tasks.experts.training import add_adapter

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

CONFIG = ExpertConfig(
    base_model="tiny-llama", learning_rate=5e-3, lora_dropout=0.0, batch_size=8, max_length=128, too_long="cut"
)


def make_model(base: Base) -> Any:
    model, _ = load_base(base, "cpu")
    adapted = add_adapter(model, CONFIG)
    for name, value in adapted.named_parameters():
        if "lora_B" in name:  # zero at first, which would hide half of the gradient
            torch.nn.init.normal_(value, std=0.1, generator=torch.Generator().manual_seed(len(name)))
    return adapted


def list_losses(model: Any, rows: pl.DataFrame, pad_id: int) -> list[float]:
    """The summed loss of each row, all in one padded batch, whose gradients are added to the model's."""
    batch = collate(rows.to_dicts(), pad_id)
    nlls = label_nlls(model, model.get_output_embeddings(), **batch)
    nlls.sum().backward()
    counts = (batch["labels"][:, 1:] != -100).sum(1).tolist()
    return [float(part.sum()) for part in nlls.detach().split(counts)]


def gradients_of(model: Any) -> dict[str, Any]:
    return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


def test_turns_in_length_groups_have_the_losses_and_the_gradient_of_one_padded_row_a_turn(
    base: Base, make_rows: Any
) -> None:
    tokenizer = load_tokenizer(base)
    lesson = prepare_lesson(make_rows(24), None, base, tokenizer, CONFIG, CONFIG, 3, Runtime())
    alone, grouped = make_model(base), make_model(base)
    longest = max(map(len, lesson.ordered["input_ids"].to_list()))
    expected, found = [], []
    for row in lesson.ordered.iter_slices(1):
        padding = longest - len(row["input_ids"][0])
        wide = row.with_columns(
            input_ids=pl.concat_list("input_ids", pl.lit([tokenizer.pad_token_id] * padding, dtype=pl.List(pl.Int64))),
            labels=pl.concat_list("labels", pl.lit([-100] * padding, dtype=pl.List(pl.Int64))),
        )
        expected += list_losses(alone, wide, tokenizer.pad_token_id)
    for step in lesson.ordered.iter_slices(CONFIG.batch_size):
        found += list_losses(grouped, step, tokenizer.pad_token_id)
    assert len(found) == 24
    assert found == pytest.approx(expected, abs=1e-4)
    wanted = gradients_of(alone)
    assert wanted.keys() == gradients_of(grouped).keys()
    for name, gradient in gradients_of(grouped).items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-4, rtol=1e-4, msg=name)


@pytest.mark.parametrize("micro", [1, 2, 4])
def test_a_step_in_several_passes_is_the_same_step(base: Base, make_rows: Any, tmp_path: Path, micro: int) -> None:
    from safetensors.torch import load_file

    weights = []
    for size in (None, micro):
        folder = tmp_path / str(size)
        folder.mkdir()
        config = CONFIG.model_copy(update={"micro_batch_size": size})
        train_expert(base, make_rows(24), config, folder, "sensibility", n_steps=3, runtime=Runtime("cpu"))
        weights.append(load_file(folder / "adapter_model.safetensors"))
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, atol=1e-5, rtol=1e-4, msg=name)


def test_a_step_that_cannot_be_split_evenly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="cannot be split"):
        share_arguments(CONFIG.model_copy(update={"micro_batch_size": 3}), 1, "cpu", None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    halves = share_arguments(CONFIG.model_copy(update={"micro_batch_size": 2}), 1, "cpu", None)
    assert (halves["per_device_train_batch_size"], halves["gradient_accumulation_steps"]) == (2, 2)
    assert share_arguments(CONFIG, 1, "cpu", None)["per_device_train_batch_size"] == 4
