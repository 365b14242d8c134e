"""Is an export the model it was made from? Logits and greedy text on a few prompts say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import ArtifactError
from tasks.experts import TurnEncoder

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

TOLERANCE = 1e-4
"""Largest difference of a logit that rounding alone makes in float32, for logits up to 1; as many times more for larger
ones (Gemma's reach some tens), as float32 rounds in proportion."""
N_NEW_TOKENS = 24
CONVERSATIONS = (
    ("My sister is moving to another country, and I do not know when I will see her again.",),
    ("I finally passed the exam!", "Well done! How long did you study for it?", "Almost a year, after work."),
    ("Somebody broke into our car last night. They took nothing, but the window is gone.",),
    ("hey",),
)


@dataclass(frozen=True)
class Answers:
    """What a model says to the prompts: logits of each, float32 (tokens, vocabulary), and its greedy tokens."""

    logits: list[Tensor]
    tokens: list[list[int]]


def encode_prompts(tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Return the conversations as tokens, up to where a response begins."""
    encoder = TurnEncoder(tokenizer)
    roles = ("user", "assistant")
    return [
        encoder.encode_prompt([{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)])
        for texts in CONVERSATIONS
    ]


def collect_answers(model: Any, prompts: list[list[int]], pad_id: int) -> Answers:
    """Return what a model says to prompts, each alone; no end token cuts the greedy text short."""
    import torch
    from transformers import GenerationConfig

    config = GenerationConfig(
        max_new_tokens=N_NEW_TOKENS, min_new_tokens=N_NEW_TOKENS, do_sample=False, num_beams=1, pad_token_id=pad_id
    )
    logits, tokens = [], []
    with torch.no_grad():
        for prompt in prompts:
            ids = torch.tensor([prompt], device=model.device)
            mask = torch.ones_like(ids)
            logits.append(model(input_ids=ids, attention_mask=mask).logits[0].float().cpu())
            made = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
            tokens.append(made[0, len(prompt) :].tolist())
    return Answers(logits, tokens)


def compare(expected: Answers, found: Answers, tolerance: float) -> float:
    """Return the largest difference of a logit. Raises ArtifactError with the figures if it is not the same model."""
    allowed = tolerance * max(1.0, *(float(one.abs().max()) for one in expected.logits))
    differences = [float((one - other).abs().max()) for one, other in zip(expected.logits, found.logits, strict=True)]
    worst = max(differences)
    n_texts = sum(one != other for one, other in zip(expected.tokens, found.tokens, strict=True))
    if not worst <= allowed or n_texts:  # a difference that is no number fails too
        raise ArtifactError(
            f"The export does not answer as the model it was made from: the largest difference of a logit is "
            f"{worst:.2g} (allowed: {allowed:.2g}), {n_texts} of {len(differences)} greedy texts differ.",
            where="export",
            do="nothing was written; please report it with the base model's name",
        )
    return worst
