"""A turn as tokens: the same in training and generation, labels on the response only, cut at the right end."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UsageError
from tasks.experts import MASKED, TurnEncoder, count_response_tokens, to_training_rows

pytestmark = pytest.mark.train
pytest.importorskip("torch")

PROMPT = [
    {"role": "user", "content": "I lost my job."},
    {"role": "assistant", "content": "Oh no, what happened?"},
    {"role": "user", "content": "They closed the shop."},
]


def as_rows(prompt: list[dict[str, str]], response: str) -> pl.DataFrame:
    completion = [{"role": "assistant", "content": response}]
    return pl.DataFrame([{"dialogue_id": "d", "turn_key": "k", "prompt": prompt, "completion": completion}])


def encode_one(tokenizer: Any, prompt: list[dict[str, str]], response: str, **options: Any) -> tuple[list, list]:
    options = {"prompt_format": "chat", "max_length": 256, **options}
    frame = to_training_rows(as_rows(prompt, response), tokenizer, **options).frame
    return frame["input_ids"][0].to_list(), frame["labels"][0].to_list()


@pytest.mark.parametrize("prompt_format", ["chat", "released"])
def test_training_sees_the_generation_prompt_then_the_response_then_its_end(tokenizer: Any, prompt_format: str) -> None:
    from tasks.chat import format_prompt

    ids, _ = encode_one(tokenizer, PROMPT, "I am so sorry.", prompt_format=prompt_format)
    prompt_ids = tokenizer.apply_chat_template(
        format_prompt(PROMPT, prompt_format), add_generation_prompt=True, return_dict=False
    )
    response_ids = tokenizer("I am so sorry.", add_special_tokens=False)["input_ids"]
    assert ids == [*prompt_ids, *response_ids, tokenizer.convert_tokens_to_ids("<end_of_turn>")]


def test_labels_stand_on_the_response_and_its_end_only(tokenizer: Any) -> None:
    ids, labels = encode_one(tokenizer, PROMPT, "I am so sorry.")
    learned = [token for token, label in zip(ids, labels, strict=True) if label != MASKED]
    assert tokenizer.decode(learned) == "I am so sorry.<end_of_turn>"
    assert labels[-len(learned) :] == learned
    assert set(labels[: -len(learned)]) == {MASKED}


def test_there_is_exactly_one_bos(tokenizer: Any) -> None:
    ids, _ = encode_one(tokenizer, PROMPT, "I am so sorry.")
    assert ids.count(tokenizer.bos_token_id) == 1
    assert ids[0] == tokenizer.bos_token_id


def test_the_oldest_messages_go_first_and_the_response_stays_whole(tokenizer: Any) -> None:
    long = [{"role": "user", "content": "I was at work. " * 40}, *PROMPT[1:]]
    ids, labels = encode_one(tokenizer, long, "I am so sorry.", max_length=64)
    turns = ["<bos><start_of_turn>user\nThey closed the shop.", "\n<start_of_turn>model\nI am so sorry.", ""]
    assert tokenizer.decode(ids) == "<end_of_turn>".join(turns)
    assert [label for label in labels if label != MASKED] == ids[-labels[::-1].index(MASKED) :]


def test_a_single_long_message_is_cut_at_its_beginning_inside_its_markers(tokenizer: Any) -> None:
    prompt = [{"role": "user", "content": "I was at work. " * 40 + "Then it was over."}]
    ids, _ = encode_one(tokenizer, prompt, "I am so sorry.", max_length=48)
    text = tokenizer.decode(ids)
    assert text.startswith("<bos><start_of_turn>user\n")
    assert "Then it was over.<end_of_turn>\n<start_of_turn>model\nI am so sorry.<end_of_turn>" in text
    assert len(ids) <= 48


def test_a_cut_inside_a_character_of_many_tokens_still_ends(tokenizer: Any) -> None:
    ids, _ = encode_one(tokenizer, [{"role": "user", "content": "🙂" * 60}], "Oh no.", max_length=40)
    text = tokenizer.decode(ids)
    assert "🙂<end_of_turn>" in text
    assert "�" not in text
    assert len(ids) <= 40


def test_a_system_message_survives_the_cut(tokenizer: Any) -> None:
    encoder = TurnEncoder(tokenizer)
    prompt = [{"role": "system", "content": "Be kind."}, *PROMPT]
    fitted = encoder.fit_prompt(prompt, 40)
    assert fitted is not None
    assert "Be kind." in tokenizer.decode(fitted[0])
    assert "I lost my job." not in tokenizer.decode(fitted[0])


def test_what_was_cut_and_what_was_left_out_is_counted(tokenizer: Any) -> None:
    rows = pl.concat(
        [
            as_rows(PROMPT, "I am so sorry."),
            as_rows([{"role": "user", "content": "I was at work. " * 40}], "Oh no."),
            as_rows(PROMPT, "That is hard. " * 100),
            as_rows(PROMPT, "  "),
        ]
    )
    encoded = to_training_rows(rows, tokenizer, "chat", 64)
    assert (len(encoded.frame), encoded.n_truncated, encoded.n_dropped) == (2, 1, 2)


def test_rows_that_leave_nothing_to_learn_from_are_refused(tokenizer: Any) -> None:
    with pytest.raises(UsageError, match="nothing to learn from"):
        to_training_rows(as_rows(PROMPT, " "), tokenizer, "chat", 64)
    with pytest.raises(UsageError, match="nothing to learn from"):
        to_training_rows(as_rows(PROMPT, "Oh no.").clear(), tokenizer, "chat", 64)


def test_response_tokens_are_counted_over_all_rows(tokenizer: Any) -> None:
    rows = pl.concat([as_rows(PROMPT, "Oh no."), as_rows(PROMPT, "I am so sorry.")])
    encoded = to_training_rows(rows, tokenizer, "chat", 64)
    expected = sum(len(TurnEncoder(tokenizer).encode_response(PROMPT, text)) for text in ("Oh no.", "I am so sorry."))
    assert expected == count_response_tokens(encoded.frame)


def test_a_template_that_forgets_the_end_marker_gets_one(tokenizer: Any) -> None:
    from copy import copy

    bare = copy(tokenizer)
    bare.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    assert TurnEncoder(bare).encode_response(PROMPT, "Oh no.")[-1] == tokenizer.eos_token_id


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40), min_size=1, max_size=5),
    response=st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    max_length=st.integers(16, 96),
)
def test_whatever_is_said_a_row_fits_and_ends_in_its_whole_response(
    tokenizer: Any, texts: list[str], response: str, max_length: int
) -> None:
    prompt = [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(texts)]
    prompt = prompt if len(prompt) % 2 else prompt[:-1] or prompt
    encoder = TurnEncoder(tokenizer)
    wanted = encoder.encode_response(prompt, response)
    try:
        frame = to_training_rows(as_rows(prompt, response), tokenizer, "chat", max_length).frame
    except UsageError:
        return
    ids = frame["input_ids"][0].to_list()
    assert wanted
    assert len(ids) <= max_length
    assert ids[-len(wanted) :] == wanted
    assert ids[0] == tokenizer.bos_token_id
