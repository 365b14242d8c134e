"""Likelihoods of responses: equal to the plain way, whatever the batch."""

import math

import polars as pl
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.evaluation import likelihood, score_responses  # noqa: E402 - torch decides whether this file runs
from tasks.evaluation.likelihood import encode_turn, limit_logits  # noqa: E402 - likewise
from tasks.experts import MASKED, TurnEncoder, to_training_rows  # noqa: E402 - likewise


def make_rows(turns):
    return [
        {"prompt": row["prompt"], "completion": [{"role": "assistant", "content": row["response"]}]}
        for row in turns.iter_rows(named=True)
    ]


def score_plainly(model, tokenizer, row):
    """One turn at a time, all logits, a sum over labels in a loop."""
    turn = encode_turn(TurnEncoder(tokenizer), row, 1024)
    with torch.inference_mode():
        log_probs = model(torch.tensor([turn.ids])).logits[0].log_softmax(-1)
    start = len(turn.ids) - turn.n_response
    return -sum(float(log_probs[at - 1, turn.ids[at]]) for at in range(start, len(turn.ids)))


@pytest.mark.parametrize("batch_size", [1, 5])
def test_likelihoods_equal_the_plain_way_in_row_order(tiny, turns, batch_size):
    rows = make_rows(turns)
    scores = score_responses(*tiny, rows, batch_size=batch_size)
    assert [score.nll for score in scores] == pytest.approx([score_plainly(*tiny, row) for row in rows], rel=1e-5)


def test_only_the_response_and_its_end_marker_are_counted(tiny, turns):
    _, tokenizer = tiny
    row = make_rows(turns)[1]
    turn = encode_turn(TurnEncoder(tokenizer), row, 1024)
    counted = tokenizer.decode(turn.ids[-turn.n_response :])
    assert counted == row["completion"][0]["content"].strip() + "<end_of_turn>"
    assert score_responses(*tiny, [row])[0].n_tokens == turn.n_response
    assert tokenizer.decode(turn.ids[: -turn.n_response]).endswith("<start_of_turn>model\n")


def test_the_vocabulary_head_sees_response_positions_only(tiny, turns):
    model, tokenizer = tiny
    rows = make_rows(turns)
    seen = []
    handle = model.get_output_embeddings().register_forward_hook(lambda _, __, out: seen.append(out.shape[:-1].numel()))
    try:
        scores = score_responses(model, tokenizer, rows, batch_size=4)
    finally:
        handle.remove()
    assert sum(seen) == sum(score.n_tokens for score in scores)


def test_a_smaller_budget_of_logits_gives_smaller_batches_and_the_same_likelihoods(tiny, turns, monkeypatch):
    rows = make_rows(turns)
    expected = [score.nll for score in score_responses(*tiny, rows)]
    vocabulary = tiny[0].config.vocab_size
    encoded = [encode_turn(TurnEncoder(tiny[1]), row, 1024) for row in rows]
    monkeypatch.setattr(likelihood, "MAX_LOGITS", 20 * vocabulary)
    parts = limit_logits(range(12), encoded, vocabulary)
    assert [index for part in parts for index in part] == list(range(12))
    assert len(parts) > 3
    assert all(len(part) == 1 or sum(encoded[at].n_response for at in part) <= 20 for part in parts)
    assert [score.nll for score in score_responses(*tiny, rows)] == pytest.approx(expected, rel=1e-5)


def test_what_a_model_does_to_its_logits_is_kept(tiny, turns):
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=len(tiny[1]), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, final_logit_softcapping=0.01, initializer_range=1.0,
    )  # fmt: skip
    model = Gemma2ForCausalLM(config).eval()
    row = make_rows(turns)[3]
    (score,) = score_responses(model, tiny[1], [row])
    assert score.nll == pytest.approx(score_plainly(model, tiny[1], row), rel=1e-5)
    assert score.nll / score.n_tokens == pytest.approx(math.log(len(tiny[1])), abs=0.03)  # capped to be nearly flat


def test_an_adapter_on_the_base_is_heard(tiny, turns):
    import copy

    from peft import LoraConfig, get_peft_model

    model, tokenizer = tiny
    lora = LoraConfig(r=2, target_modules=["down_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    adapted = get_peft_model(copy.deepcopy(model), lora).eval()
    rows = make_rows(turns)[:3]
    scores = [score.nll for score in score_responses(adapted, tokenizer, rows)]
    assert scores == pytest.approx([score_plainly(adapted, tokenizer, row) for row in rows], rel=1e-5)
    assert scores != pytest.approx([score.nll for score in score_responses(model, tokenizer, rows)], rel=1e-3)


def test_an_empty_response_is_not_measured_and_stops_nothing(tiny, turns):
    rows = make_rows(turns)[:3]
    rows[1] = {**rows[1], "completion": [{"role": "assistant", "content": " "}]}
    scores = score_responses(*tiny, rows)
    assert [score.n_tokens > 0 for score in scores] == [True, False, True]
    assert scores[1].nll == 0


def test_a_dialogue_longer_than_the_model_takes_loses_its_beginning_only(tiny, turns):
    row = make_rows(turns)[0]
    said = [{"role": role, "content": "I went home " * 40} for role in ("user", "assistant") * 12]
    long_row = {**row, "prompt": [*said, *row["prompt"]]}
    turn = encode_turn(TurnEncoder(tiny[1]), long_row, 1024)
    assert 512 < len(turn.ids) <= 1024
    assert (
        turn.n_response == score_responses(*tiny, [row])[0].n_tokens == score_responses(*tiny, [long_row])[0].n_tokens
    )


def test_no_rows_give_no_scores(tiny):
    assert score_responses(*tiny, []) == []


def test_a_turn_is_measured_on_the_tokens_it_is_trained_on(tiny, turns):
    rows = make_rows(turns)
    frame = turns.with_columns(completion=pl.Series([row["completion"] for row in rows]))
    trained = to_training_rows(frame, tiny[1], "chat", max_length=1024).frame
    for row, ids, labels in zip(rows, trained["input_ids"], trained["labels"], strict=True):
        turn = encode_turn(TurnEncoder(tiny[1]), row, 1024)
        assert turn.ids == ids.to_list()
        assert turn.n_response == (labels != MASKED).sum()
