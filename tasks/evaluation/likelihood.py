"""How likely a model finds the real responses: the sums that perplexity is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import ConfigError
from tasks.evaluation.batching import count_positions, plan_batches
from tasks.evaluation.resuming import FinishedBatches
from tasks.experts import MASKED, TurnEncoder, label_nlls
from tasks.progress import report_progress

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MAX_CELLS = 4096
"""Tokens, padding included, that go through a model at once."""
MAX_LOGITS = 2**26
"""Logits held at once, 256 MiB in float32: 256 response tokens of a vocabulary of 262,144."""


@dataclass(frozen=True, slots=True)
class EncodedTurn:
    """The tokens of a turn, and how many of the last ones are its response and end marker."""

    ids: list[int]
    n_response: int


@dataclass(frozen=True, slots=True)
class TurnLikelihood:
    """Negative log-likelihood of a response in nats, summed over its `n_tokens` tokens."""

    nll: float
    n_tokens: int


def score_responses(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Mapping[str, Any]],
    batch_size: int = 8,
    step: str = "perplexity",
    finished: FinishedBatches | None = None,
) -> list[TurnLikelihood]:
    """Return the likelihood of each row's completion after its prompt (both chat messages), in row order.

    Counted are the tokens of the response and the marker that ends it; the vocabulary head sees the
    positions of those tokens only. A row whose response is empty, or longer than the model takes, has
    0 tokens. Batches that are `finished` are not scored again. Raises ConfigError if the model has no
    vocabulary head, StoppedShortError if the time of `finished` is up.
    """
    encoder, n_positions = TurnEncoder(tokenizer), count_positions(model)
    encoded = [encode_turn(encoder, row, n_positions) for row in rows]
    found = [TurnLikelihood(0.0, 0)] * len(rows)
    n_done = sum(turn.n_response == 0 for turn in encoded)
    report_progress(step, n_done, len(rows))
    for planned in plan_batches([len(turn.ids) for turn in encoded], batch_size, MAX_CELLS):
        asked = [[turn.n_response, *turn.ids] for turn in (encoded[index] for index in planned)]
        scores = finished.find("likelihoods", asked) if finished else None
        n_done += len(planned)
        if scores is None:
            scores = [astuple(score) for score in score_planned(model, [encoded[index] for index in planned])]
            if finished:
                finished.keep("likelihoods", asked, scores)
                finished.stop_if_time_is_up(step, n_done, len(rows))
        for index, score in zip(planned, scores, strict=True):
            found[index] = TurnLikelihood(*score)
        report_progress(step, n_done, len(rows))
    return found


def score_planned(model: PreTrainedModel, turns: Sequence[EncodedTurn]) -> list[TurnLikelihood]:
    """Return the likelihoods of a planned batch, in as many passes as its logits need."""
    vocabulary = model.config.get_text_config().vocab_size
    parts = limit_logits(range(len(turns)), turns, vocabulary)
    return [score for part in parts for score in score_batch(model, [turns[index] for index in part])]


def encode_turn(encoder: TurnEncoder, row: Mapping[str, Any], n_positions: int) -> EncodedTurn:
    """Return a turn as the tokens it is trained on; no token at all if there is no response or no room for it."""
    response = encoder.encode_response(row["prompt"], row["completion"][0]["content"])
    fitted = encoder.fit_prompt(row["prompt"], n_positions - len(response)) if response else None
    return EncodedTurn([], 0) if fitted is None else EncodedTurn(fitted[0] + response, len(response))


def limit_logits(batch: Sequence[int], encoded: Sequence[EncodedTurn], vocabulary: int) -> list[list[int]]:
    """Split a batch so that the logits of each part stay under MAX_LOGITS; a row is never split."""
    parts: list[list[int]] = []
    room = 0
    for index in batch:
        room -= encoded[index].n_response * vocabulary
        if room < 0 or not parts:
            parts.append([])
            room = MAX_LOGITS - encoded[index].n_response * vocabulary
        parts[-1].append(index)
    return parts


def score_batch(model: PreTrainedModel, turns: Sequence[EncodedTurn]) -> list[TurnLikelihood]:
    """Return the likelihoods of turns that go through the model together, padded on the right.

    The loss is the trainer's own, so that a model is measured by what it learned to lower.
    """
    import torch

    shape = (len(turns), max(len(turn.ids) for turn in turns))
    ids, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, MASKED)
    for row, turn in enumerate(turns):
        n_tokens = len(turn.ids)
        ids[row, :n_tokens] = torch.tensor(turn.ids)
        mask[row, :n_tokens] = 1
        labels[row, n_tokens - turn.n_response : n_tokens] = torch.tensor(turn.ids[-turn.n_response :])
    inputs = [tensor.to(model.device) for tensor in (ids, mask, labels)]
    with torch.inference_mode():
        nlls = label_nlls(model, find_head(model), *inputs).double().cpu()
    sums = [float(part.sum()) for part in nlls.split([turn.n_response for turn in turns])]
    return [TurnLikelihood(nll, turn.n_response) for nll, turn in zip(sums, turns, strict=True)]


def find_head(model: PreTrainedModel) -> nn.Module:
    """Return the model's vocabulary head; raises ConfigError if it has none."""
    head = model.get_output_embeddings()
    if head is None:
        raise ConfigError(f"{type(model).__name__} has no vocabulary head; it is no language model.")
    return head
