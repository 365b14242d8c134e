"""The loss on labelled tokens, with the vocabulary head computed at their positions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.experts.encoding import MASKED

if TYPE_CHECKING:
    from torch import Tensor, nn


def label_nlls(model: nn.Module, head: nn.Module, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
    """Return the negative log-likelihood (nats, float32) of every labelled token of a batch, in reading order.

    The three inputs are (rows, tokens); `head` is the model's output embedding. A hook hands it the hidden
    states of the labelled positions only, so that whatever a model does to its logits afterwards is still done
    by the model. With Gemma's 262,144 words and 15 response tokens in 64, most of the head's work is saved.
    """
    from torch.nn import functional

    is_target = labels[:, 1:] != MASKED
    keep = functional.pad(is_target, (0, 1))  # a token is predicted at the position before it

    def keep_labelled(_: object, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        return (inputs[0][keep],)

    handle = head.register_forward_pre_hook(keep_labelled)
    try:
        logits = model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits
    finally:
        handle.remove()
    return functional.cross_entropy(logits.float(), labels[:, 1:][is_target], reduction="none")
