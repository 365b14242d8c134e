"""The router stage on the tiny model: it trains what it should, repeatably, and can be resumed."""

import json
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ExpertConfig, RouterConfig
from tasks.errors import ArtifactError, ConfigError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts import Runtime, collate, load_base, order_rows, to_training_rows  # noqa: E402 - after the skip
from tasks.router import compose_mixture, load_mixture, mean_gates, train_mixture  # noqa: E402 - likewise
from tasks.router.training import make_arguments  # noqa: E402 - likewise

EXPERT = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut")
ROUTER = RouterConfig(expert_learning_rate=1e-3)
GATES, WEIGHTS = "router.safetensors", "experts/{}/adapter_model.safetensors"


def train(base: Any, experts: dict[str, Path], rows: pl.DataFrame, folder: Path, **fields: Any) -> dict[str, Any]:
    config = ROUTER.model_copy(update=fields)
    return train_mixture(base, experts, rows, config, EXPERT, folder, n_steps=4, runtime=Runtime("cpu"))


@pytest.fixture(scope="module")
def trained(base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path_factory: Any) -> tuple[Path, dict[str, Any]]:
    """A mixture of which gates and experts were trained for four steps, and its facts."""
    folder = tmp_path_factory.mktemp("mixture")
    return folder, train(base, trained_experts, rows, folder)


def own_weights(model: Any, kind: str) -> dict[str, Any]:
    return {name: value.clone() for name, value in model.state_dict().items() if f".{kind}." in name}


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize(("what", "is_expert_trained"), [("router", False), ("router+experts", True)])
def test_only_what_the_config_names_is_trained_and_the_base_never(
    what: str, is_expert_trained: bool, base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    train(base, trained_experts, rows, tmp_path, train=what)
    before = compose_mixture(load_base(base, "cpu")[0], trained_experts, "block", ROUTER.init_std, ROUTER.seed)
    after, _ = load_mixture(tmp_path, base, "cpu")

    assert not is_same(own_weights(before, "router"), own_weights(after, "router"))
    assert is_expert_trained != is_same(own_weights(before, "experts"), own_weights(after, "experts"))
    names = [name for name in before.state_dict() if ".router." not in name and ".experts." not in name]
    assert all(torch.equal(before.state_dict()[name], after.state_dict()[name]) for name in names)
    assert load_base(base, "cpu")[0].state_dict()["lm_head.weight"].equal(after.state_dict()["lm_head.weight"])


def test_training_json_tells_losses_gates_and_what_it_was_made_with(trained: Any) -> None:
    folder, facts = trained
    record = json.loads((folder / "training.json").read_text())

    assert [point["step"] for point in record["loss"]] == [1, 2, 3, 4]
    assert [layer["layer"] for layer in record["gates"]] == ["model.layers.0.mlp", "model.layers.1.mlp"]
    for layer in record["gates"]:
        assert sum(layer["gates"].values()) == pytest.approx(1)
        assert 0 < layer["entropy"] <= 0.6932
    assert {"torch", "transformers", "peft", "accelerate"} == set(record["versions"])
    assert facts["n_rows"] == 12
    assert facts["last_loss"] == record["loss"][-1]["loss"]


def test_rows_lists_every_turn_it_saw(trained: Any, rows: pl.DataFrame) -> None:
    listed = pl.read_parquet(trained[0] / "rows.parquet")
    assert listed.columns == ["dialogue_id", "turn_key"]
    assert set(rows["turn_key"]) == set(listed["turn_key"])


def test_the_same_inputs_give_the_same_bytes(
    trained: Any, base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    train(base, trained_experts, rows.reverse(), tmp_path)
    for name in (GATES, WEIGHTS.format("sensibility"), WEIGHTS.format("rationality"), "rows.parquet"):
        assert (trained[0] / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_every_step_is_reported_with_its_loss(
    base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="empathy.progress")
    train(base, trained_experts, rows, tmp_path, routing="linear", train="router")
    steps = [record for record in caplog.records if getattr(record, "step", "") == "train router"]
    assert [(record.done, record.total) for record in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(record.fields["loss"] > 0 for record in steps)


def test_gates_are_described_on_response_tokens_only(base: Any, trained_experts: Any, rows: pl.DataFrame) -> None:
    model, tokenizer = load_base(base, "cpu")
    compose_mixture(model, trained_experts, "block", init_std=1.0, seed=5)
    frame = to_training_rows(rows, tokenizer, "chat", 128).frame
    batches = [collate(part.to_dicts(), tokenizer.pad_token_id) for part in (frame[:5], frame[5:])]
    seen: list[Any] = []
    hook = model.model.layers[1].mlp.router.register_forward_hook(lambda _router, _inputs, gates: seen.append(gates))
    found = mean_gates(model, batches)[1]
    hook.remove()

    labels = torch.cat([batch["labels"].flatten() for batch in batches])
    gates = torch.cat(seen)[labels != -100].double()
    assert gates[:, 0].mean().item() == pytest.approx(found["gates"]["sensibility"])
    assert -(gates * gates.log()).sum(1).mean().item() == pytest.approx(found["entropy"])
    assert len(gates) == found["n_tokens"]


def make_trainer(base: Any, experts: Any, rows: pl.DataFrame, folder: Path, accumulation: int = 1) -> Any:
    from tasks.router.trainer import MixtureTrainer, choose_trainable

    model, tokenizer = load_base(base, "cpu")
    compose_mixture(model, experts, "block", ROUTER.init_std, ROUTER.seed)
    torch.manual_seed(0)
    choose_trainable(model, "router+experts", 0.1 if accumulation == 1 else 0.0)
    ordered = order_rows(to_training_rows(rows, tokenizer, "chat", 128).frame, 4, 4, 0)
    arguments = replace(
        make_arguments(ROUTER, EXPERT, len(ordered) // 4, "cpu", str(folder), Runtime()),
        save_strategy="steps",
        save_steps=2,
        per_device_train_batch_size=4 // accumulation,
        gradient_accumulation_steps=accumulation,
    )
    return MixtureTrainer(
        model=model,
        args=arguments,
        train_dataset=ordered.select("input_ids", "labels").to_dicts(),
        data_collator=partial(collate, pad_id=tokenizer.pad_token_id),
        expert_learning_rate=1e-3,
    )


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    """Checkpoints hold gates and experts, not the base, and dropout goes on where it was."""
    from safetensors.torch import load_file

    whole = make_trainer(base, trained_experts, rows, tmp_path)
    whole.train()
    resumed = make_trainer(base, trained_experts, rows, tmp_path)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))

    saved = load_file(tmp_path / "checkpoint-2" / "model.safetensors")
    assert all(".router." in name or ".experts." in name for name in saved)
    assert is_same(own_weights(whole.model, "router"), own_weights(resumed.model, "router"))
    assert is_same(own_weights(whole.model, "experts"), own_weights(resumed.model, "experts"))


def test_two_accumulated_halves_are_one_step(
    base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    losses = []
    for accumulation in (4, 2):
        trainer = make_trainer(base, trained_experts, rows, tmp_path / str(accumulation), accumulation)
        trainer.train()
        losses.append([entry["loss"] for entry in trainer.state.log_history if "loss" in entry])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_frozen_experts_are_not_dropped_out_and_trained_ones_are(base: Any, trained_experts: Any) -> None:
    from tasks.router.trainer import choose_trainable

    model = compose_mixture(load_base(base, "cpu")[0], trained_experts, "block", init_std=1.0, seed=5)
    ids = torch.arange(5, 25)[None]
    expected = model(input_ids=ids).logits
    choose_trainable(model, "router", 0.5)
    assert torch.equal(expected, model.train()(input_ids=ids).logits)
    choose_trainable(model, "router+experts", 0.5)
    assert not torch.equal(expected, model.train()(input_ids=ids).logits)
    assert torch.equal(expected, model.eval()(input_ids=ids).logits)


def test_experts_of_another_base_are_refused(
    base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="was trained on the base"):
        train(replace(base, digest="0" * 32), trained_experts, rows, tmp_path)


def test_a_run_that_diverges_stops_and_says_so(
    base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    trainer = make_trainer(base, trained_experts, rows, tmp_path)
    with torch.no_grad():
        trainer.model.model.layers[0].mlp.router.weight.fill_(float("nan"))
    with pytest.raises(ConfigError, match="diverged"):
        trainer.train()


def test_gates_of_a_bfloat16_base_are_trained_in_float32(base: Any, trained_experts: Any) -> None:
    from tasks.router.trainer import choose_trainable

    model = load_base(base, "cpu")[0].to(torch.bfloat16)
    compose_mixture(model, trained_experts, "block", init_std=0.02, seed=0)
    choose_trainable(model, "router+experts", 0.1)
    ids = torch.arange(5, 25)[None]
    for is_autocast in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=is_autocast):
            model.train()(input_ids=ids, labels=ids).loss.backward()
    trained = [value for value in model.parameters() if value.requires_grad]
    assert {torch.float32} == {value.grad.dtype for value in trained}
    assert all(torch.isfinite(value.grad).all() and value.grad.any() for value in trained)
