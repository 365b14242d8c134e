"""Greedy responses of a tiny Llama."""

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.errors import ConfigError  # noqa: E402 - likewise
from tasks.evaluation import generate_responses  # noqa: E402 - torch decides whether this file runs
from tasks.evaluation.generation import decode_response, make_greedy_config  # noqa: E402 - likewise
from tasks.experts import TurnEncoder  # noqa: E402 - likewise


def generate_plainly(model, tokenizer, messages, max_new_tokens):
    """One token at a time, without a cache, a batch or padding."""
    ids = TurnEncoder(tokenizer).encode_prompt(messages)
    start = len(ids)
    ends = make_greedy_config(model, tokenizer, 1).eos_token_id
    for _ in range(max_new_tokens):
        with torch.inference_mode():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] in ends:
            break
    return decode_response(tokenizer, ids[start:], ends)


def test_batched_responses_equal_those_made_one_token_at_a_time(tiny, turns):
    prompts = turns["prompt"].to_list()
    batched = generate_responses(*tiny, prompts, max_new_tokens=10, batch_size=5)
    assert batched == [generate_plainly(*tiny, messages, 10) for messages in prompts]
    assert len(set(batched)) > 3


def test_a_response_does_not_depend_on_its_batch_or_place(tiny, turns):
    prompts = turns["prompt"].to_list()
    forwards = generate_responses(*tiny, prompts, max_new_tokens=8, batch_size=12)
    assert generate_responses(*tiny, prompts[::-1], max_new_tokens=8, batch_size=1)[::-1] == forwards


def test_sampling_settings_of_the_model_are_not_used(tiny, turns, monkeypatch):
    model, tokenizer = tiny
    prompts = turns["prompt"].to_list()[:4]
    greedy = generate_responses(model, tokenizer, prompts, max_new_tokens=8, batch_size=4)
    for name, value in {"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0, "num_beams": 3}.items():
        monkeypatch.setattr(model.generation_config, name, value)
    assert generate_responses(model, tokenizer, prompts, max_new_tokens=8, batch_size=4) == greedy


def test_a_response_ends_at_the_end_marker_and_shows_no_special_token(tiny):
    _, tokenizer = tiny
    text = "<bos>I am sorry<end_of_turn>\n<start_of_turn>user"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    end = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert decode_response(tokenizer, ids, [end]) == "I am sorry"


def test_a_model_without_room_for_a_prompt_is_refused(tiny):
    with pytest.raises(ConfigError, match="room for 0 tokens"):
        generate_responses(*tiny, [[{"role": "user", "content": "Hi"}]], max_new_tokens=1024, batch_size=1)


def test_no_prompts_give_no_responses(tiny):
    assert generate_responses(*tiny, [], max_new_tokens=4, batch_size=2) == []


def test_progress_reaches_the_number_of_prompts(tiny, turns, caplog):
    with caplog.at_level("INFO", logger="empathy.progress"):
        generate_responses(*tiny, turns["prompt"].to_list(), max_new_tokens=2, batch_size=5, step="answers")
    assert [(record.step, record.done, record.total) for record in caplog.records] == [
        ("answers", 0, 12), ("answers", 5, 12), ("answers", 10, 12), ("answers", 12, 12)
    ]  # fmt: skip
