"""Looking inside a mixture: gates by subset and class of token, during training, and token by token."""

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ExpertConfig, RouterConfig

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts import Runtime, TurnEncoder, load_base, to_training_rows  # noqa: E402 - after the skip
from tasks.router import compose_mixture, read_turns, trace_response, train_mixture  # noqa: E402 - likewise
from tasks.router.gate_groups import classify_tokens, inspect_gates  # noqa: E402 - likewise
from tasks.router.inspection import record_gates  # noqa: E402 - likewise
from tasks.router.pieces import split_pieces  # noqa: E402 - likewise

EXPERT = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut")
MESSAGES = [{"role": "user", "content": "My dog ran away."}]


@pytest.fixture(scope="module")
def marked(rows: pl.DataFrame) -> pl.DataFrame:
    """The turns, every third one of rationality."""
    subset = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("rationality")).otherwise(pl.lit("sensibility"))
    return rows.with_columns(subset=subset)


@pytest.fixture(scope="module")
def composed(base: Any, trained_experts: Any) -> tuple[Any, TurnEncoder]:
    """A mixture whose gates differ from token to token, and its encoder."""
    model, tokenizer = load_base(base, "cpu")
    return compose_mixture(model, trained_experts, "block", init_std=1.0, seed=5), TurnEncoder(tokenizer)


@pytest.fixture(scope="module")
def record(base: Any, trained_experts: Any, marked: pl.DataFrame, tmp_path_factory: Any) -> dict[str, Any]:
    """What training wrote down, with two held-out turns to show: training.json and token_gates.json."""
    folder, config = tmp_path_factory.mktemp("mixture"), RouterConfig(learning_rate=5e-2)
    shown = marked.head(2).with_columns(dialogue_id=pl.lit("held"))
    train_mixture(
        base, trained_experts, marked, config, EXPERT, folder, n_steps=60, runtime=Runtime("cpu"), held_out=shown
    )
    training = json.loads((folder / "training.json").read_text())
    return {**training, "shown": json.loads((folder / "token_gates.json").read_text())}


def encode(encoder: TurnEncoder, rows: pl.DataFrame) -> pl.DataFrame:
    return to_training_rows(rows, encoder.tokenizer, "chat", 128).frame


def test_subsets_share_the_response_tokens_and_classes_share_all_tokens(composed: Any, marked: pl.DataFrame) -> None:
    model, encoder = composed
    encoded = encode(encoder, marked)
    found = inspect_gates(model, encoder, encoded, marked, batch_size=5)
    whole, subsets, classes = found["gates"][0], found["gates_by_subset"], found["gates_by_class"]

    assert list(subsets) == ["sensibility", "rationality"]
    assert list(classes) == ["prompt", "affect", "function", "other", "end"]
    counts = {name: layers[0]["n_tokens"] for name, layers in classes.items()}
    assert counts["end"] == len(marked)
    assert sum(counts.values()) == encoded["input_ids"].list.len().sum()
    for parts in (subsets, {name: layers for name, layers in classes.items() if name != "prompt"}):
        entries = [layers[0] for layers in parts.values()]
        assert sum(entry["n_tokens"] for entry in entries) == whole["n_tokens"]
        for of in (lambda entry: entry["gates"]["sensibility"], lambda entry: entry["entropy"]):
            weighed = sum(of(entry) * entry["n_tokens"] for entry in entries) / whole["n_tokens"]
            assert weighed == pytest.approx(of(whole))


def test_gates_of_a_subset_are_those_of_its_turns_alone(composed: Any, marked: pl.DataFrame) -> None:
    model, encoder = composed
    alone = marked.filter(pl.col("subset") == "rationality")
    both = inspect_gates(model, encoder, encode(encoder, marked), marked, batch_size=5)
    one = inspect_gates(model, encoder, encode(encoder, alone), alone.drop("subset"), batch_size=1)
    assert one["gates_by_subset"] == {}
    for found, expected in zip(both["gates_by_subset"]["rationality"], one["gates"], strict=True):
        assert found["gates"] == pytest.approx(expected["gates"], abs=1e-5)
        assert found["n_tokens"] == expected["n_tokens"]


def test_equal_gates_have_all_the_entropy_and_no_distance(base: Any, trained_experts: Any, rows: pl.DataFrame) -> None:
    model, tokenizer = load_base(base, "cpu")
    compose_mixture(model, trained_experts, "linear", init_std=0.0, seed=0)
    encoder = TurnEncoder(tokenizer)
    for layer in inspect_gates(model, encoder, encode(encoder, rows), rows, 4)["gates"]:
        assert (layer["entropy"], layer["entropy_share"]) == pytest.approx((math.log(2), 1.0))
        assert layer["distance"] == pytest.approx(0)


def test_classes_follow_the_words_of_a_response(composed: Any, rows: pl.DataFrame) -> None:
    encoder = composed[1]
    row = encode(encoder, rows).row(0, named=True)
    response = [token for token in row["labels"] if token != -100]
    classes = classify_tokens(encoder, row)
    assert len(classes) == len(row["input_ids"])
    assert classes[: -len(response)] == ["prompt"] * (len(classes) - len(response))
    pieces = split_pieces(encoder, response)
    affect = "".join(p for p, kind in zip(pieces, classes[-len(response) :], strict=True) if kind == "affect")
    assert affect.split() == ["sorry"]


@pytest.mark.parametrize(
    "text", ["I am so sorry!", "Café, naïve — 猫が好き 😀😀 done", "  two  spaces\nand a line", "cut off \ufffd"]
)
def test_pieces_join_to_the_text(composed: Any, text: str) -> None:
    encoder = composed[1]
    ids = encoder.tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces = split_pieces(encoder, ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == encoder.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    end = encoder.tokenizer.eos_token_id
    assert split_pieces(encoder, [end, *ids, end])[1:-1] == pieces


def test_gates_are_noted_at_the_first_the_last_and_some_steps_between(record: dict[str, Any]) -> None:
    steps = record["gates_by_step"]
    assert [point["step"] for point in steps] == [1, *range(3, 61, 3)]
    for point in steps:
        assert [layer["layer"] for layer in point["layers"]] == [layer["layer"] for layer in record["gates"]]
        for layer in point["layers"]:
            assert sum(layer["gates"].values()) == pytest.approx(1, abs=1e-4)
            assert layer["entropy"] == pytest.approx(layer["entropy_share"] * math.log(2), abs=1e-4)


def test_one_sees_that_a_router_learns(record: dict[str, Any]) -> None:
    """At this rate of learning the gates leave one half; the last step agrees with the look afterwards."""
    first, last = record["gates_by_step"][0]["layers"], record["gates_by_step"][-1]["layers"]
    assert max(layer["distance"] for layer in first) < 0.1 < max(layer["distance"] for layer in last)
    for during, after in zip(last, record["gates"], strict=True):
        assert during["gates"]["sensibility"] == pytest.approx(after["gates"]["sensibility"], abs=0.1)


def test_noting_the_gates_changes_no_weight(
    base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.router.trainer import MixtureTrainer
    from tasks.router.watched_trainer import WatchedTrainer

    for name in ("watched", "unwatched"):
        if name == "unwatched":
            monkeypatch.setattr(WatchedTrainer, "compute_loss", MixtureTrainer.compute_loss)
        train_mixture(
            base, trained_experts, rows, RouterConfig(), EXPERT, tmp_path / name, n_steps=3, runtime=Runtime("cpu")
        )
    one, other = (tmp_path / name / "router.safetensors" for name in ("watched", "unwatched"))
    assert one.read_bytes() == other.read_bytes()
    assert json.loads((tmp_path / "unwatched" / "training.json").read_text())["gates_by_step"] == []


def test_held_out_dialogues_are_written_token_by_token(record: dict[str, Any], marked: pl.DataFrame) -> None:
    shown = record["shown"]
    assert (shown["expert"], shown["is_held_out"]) == ("sensibility", True)
    assert [dialogue["dialogue_id"] for dialogue in shown["dialogues"]] == ["held"]
    turns = shown["dialogues"][0]["turns"]
    expected = {row["turn_key"]: row for row in marked.head(2).to_dicts()}
    assert expected.keys() == {turn["turn_key"] for turn in turns}
    for turn in turns:
        row = expected[turn["turn_key"]]
        assert turn["said"] == row["prompt"][-1]["content"]
        assert "".join(text for text, _ in turn["tokens"]).strip() == row["completion"][0]["content"]
        assert all(0 <= gate <= 1 for _, gate in turn["tokens"])


def test_without_held_out_turns_a_few_of_those_it_saw_are_shown(
    base: Any, trained_experts: Any, rows: pl.DataFrame, tmp_path: Path
) -> None:
    train_mixture(base, trained_experts, rows, RouterConfig(), EXPERT, tmp_path, n_steps=1, runtime=Runtime("cpu"))
    shown = json.loads((tmp_path / "token_gates.json").read_text())
    least = rows.sort("turn_key").head(6)["dialogue_id"].to_list()
    assert [dialogue["dialogue_id"] for dialogue in shown["dialogues"]] == least
    assert not shown["is_held_out"]


def test_a_token_has_the_mean_of_its_routers_gates(composed: Any) -> None:
    model, encoder = composed
    response = "I am sorry. What happened?"
    tokens = trace_response(model, encoder, MESSAGES, response)
    ids = [*encoder.encode_prompt(MESSAGES), *encoder.encode_response(MESSAGES, response)]
    with torch.no_grad(), record_gates(model) as gates:
        model(input_ids=torch.tensor([ids]))
    means = sum(found[:, 0] for found in gates.values()) / len(gates)
    assert "".join(token.text for token in tokens).strip() == response
    assert [token.gate for token in tokens] == pytest.approx(means[-len(tokens) - 1 : -1].tolist())
    assert trace_response(model, encoder, MESSAGES, " ") == []


def test_turns_of_a_corpus_are_found_by_their_keys(tmp_path: Path) -> None:
    corpus = pl.DataFrame(
        {"dialogue_id": ["a", "a", "b"], "turn_key": ["1", "2", "1"], "prompt": [MESSAGES] * 3, "response": ["x"] * 3}
    )
    corpus.write_parquet(tmp_path / "turns.parquet")
    found = read_turns([tmp_path], corpus.head(1))
    assert found.select("dialogue_id", "turn_key").rows() == [("a", "1")]
