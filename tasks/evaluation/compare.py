"""One system on the held-out turns: how likely it finds the real responses, and what it says itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from tasks.chat import Message, PromptFormat, add_instruction, format_prompt
from tasks.config import EvaluationConfig
from tasks.errors import EmpathyError
from tasks.evaluation.generation import generate_responses
from tasks.evaluation.likelihood import score_responses
from tasks.evaluation.resuming import FinishedBatches
from tasks.evaluation.turns import pick_turns

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
RESPONSES_SCHEMA: dict[str, pl.DataType] = {
    "system": pl.String(),
    "dialogue_id": pl.String(),
    "utterance_idx": pl.Int32(),
    "turn_key": pl.String(),
    "prompt": MESSAGES,
    "reference": pl.String(),
    "response": pl.String(),
    "nll": pl.Float64(),
    "n_tokens": pl.Int32(),
}


def evaluate_system(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    name: str,
    turns: pl.DataFrame,
    config: EvaluationConfig,
    prompt_format: PromptFormat = "chat",
    instruction: str | None = None,
    finished: FinishedBatches | None = None,
) -> pl.DataFrame:
    """Return one row (RESPONSES_SCHEMA) for each turn that `pick_turns` takes, in its order.

    `turns` are rows of `turns.parquet`. The first `config.max_responses` rows have a greedy response,
    the others null; `prompt` is what the system was shown, `instruction` (the `prompted` system) included.
    Batches that are `finished` are not computed again; the rows are the same to the byte, wherever it was cut.
    Raises EmpathyError if there are no turns, StoppedShortError if the time of `finished` is up.
    """
    picked = pick_turns(turns, config.max_turns, config.seed)
    if picked.is_empty():
        raise EmpathyError(f"There are no turns to evaluate {name!r} on.", do="check the evaluation split")
    prompts = [render_prompt(messages, prompt_format, instruction) for messages in picked["prompt"].to_list()]
    references = picked["response"].to_list()
    rows = [
        {"prompt": prompt, "completion": [{"role": "assistant", "content": reference}]}
        for prompt, reference in zip(prompts, references, strict=True)
    ]
    scores = score_responses(model, tokenizer, rows, config.batch_size, f"perplexity of {name}", finished)
    responses = generate_responses(
        model, tokenizer, prompts[: config.max_responses], config.max_new_tokens, config.batch_size,
        f"responses of {name}", finished,
    )  # fmt: skip
    return pl.DataFrame(
        {
            "system": [name] * len(picked),
            **picked.select("dialogue_id", "utterance_idx", "turn_key").to_dict(),
            "prompt": prompts,
            "reference": references,
            "response": [*responses, *[None] * (len(picked) - len(responses))],
            "nll": [score.nll for score in scores],
            "n_tokens": [score.n_tokens for score in scores],
        },
        schema=RESPONSES_SCHEMA,
    )


def render_prompt(
    messages: Sequence[Mapping[str, str]], prompt_format: PromptFormat, instruction: str | None
) -> list[Message]:
    """Return the messages a system is shown: in the format it was trained in, after an instruction if any."""
    prompt = format_prompt(messages, prompt_format)
    return prompt if instruction is None else add_instruction(prompt, instruction)
