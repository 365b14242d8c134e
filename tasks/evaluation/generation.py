"""Greedy responses, many at once, equal to those made one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.errors import ConfigError
from tasks.evaluation.batching import count_positions, plan_batches
from tasks.evaluation.resuming import FinishedBatches
from tasks.experts import TurnEncoder
from tasks.progress import report_progress

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

MAX_CELLS = 16_384
"""Tokens of prompts, padding included, that go through a model at once."""


def generate_responses(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[Mapping[str, str]]],
    max_new_tokens: int,
    batch_size: int,
    step: str = "generate",
    finished: FinishedBatches | None = None,
) -> list[str]:
    """Return the greedy response to each prompt (chat messages), without markers and outer white space.

    A response ends at any of the model's end tokens or after `max_new_tokens`. The settings that a
    model's folder suggests for sampling are not used, so the same prompts give the same responses.
    A prompt that leaves no room for them loses its oldest messages. Raises ConfigError if the model
    takes no more than `max_new_tokens` tokens at all, StoppedShortError if the time of `finished` is up; its batches
    are not made again.
    """
    encoded = encode_prompts(tokenizer, prompts, count_positions(model) - max_new_tokens)
    config = make_greedy_config(model, tokenizer, max_new_tokens)
    responses = [""] * len(prompts)
    n_done = 0
    report_progress(step, 0, len(prompts))
    for batch in plan_batches([len(ids) for ids in encoded], batch_size, MAX_CELLS):
        asked = [encoded[index] for index in batch]
        texts = finished.find("responses", asked) if finished else None
        n_done += len(batch)
        if texts is None:
            texts = generate_batch(model, tokenizer, asked, config)
            if finished:
                finished.keep("responses", asked, texts)
                finished.stop_if_time_is_up(step, n_done, len(prompts))
        for index, text in zip(batch, texts, strict=True):
            responses[index] = text
        report_progress(step, n_done, len(prompts))
    return responses


def generate_batch(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    config: GenerationConfig,
) -> list[str]:
    """Return the response to each prompt (tokens), all of them generated together."""
    generate: Any = model.generate  # only causal language models have it, not every PreTrainedModel
    inputs = {name: values.to(model.device) for name, values in pad_left(prompts, config.pad_token_id).items()}
    output = generate(**inputs, generation_config=config)
    new_tokens = output[:, inputs["input_ids"].shape[1] :].tolist()
    return [decode_response(tokenizer, ids, config.eos_token_id) for ids in new_tokens]


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Sequence[Mapping[str, str]]], room: int
) -> list[list[int]]:
    """Return each prompt as tokens, at most `room`; raises ConfigError if there is no room for one."""
    encoder = TurnEncoder(tokenizer)
    encoded = []
    for messages in prompts:
        fitted = encoder.fit_prompt(messages, room)
        if fitted is None:
            raise ConfigError(
                f"The model has room for {room} tokens of a prompt only.",
                where="evaluation.max_new_tokens",
                do="generate fewer tokens",
            )
        encoded.append(fitted[0])
    return encoded


def make_greedy_config(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_new_tokens: int
) -> GenerationConfig:
    """Return settings that leave nothing to the model's own: what is not set here is taken from there."""
    from transformers import GenerationConfig

    ends = model.generation_config.eos_token_id
    end_ids = sorted({tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None})
    pad_id = tokenizer.pad_token_id
    return GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        temperature=1.0,
        top_p=1.0,
        top_k=50,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        use_cache=True,
        eos_token_id=end_ids,
        pad_token_id=pad_id if pad_id is not None else end_ids[0],
    )


def pad_left(rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, Any]:
    """Return `input_ids` and `attention_mask` [rows, longest], each row ending at the right edge."""
    import torch

    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, width - len(row) :] = torch.tensor(row)
        mask[index, width - len(row) :] = 1
    return {"input_ids": ids, "attention_mask": mask}


def decode_response(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], end_ids: Sequence[int]) -> str:
    """Return the text before the first end token."""
    end = next((index for index, token in enumerate(ids) if token in set(end_ids)), len(ids))
    return str(tokenizer.decode(list(ids[:end]), skip_special_tokens=True)).strip()
