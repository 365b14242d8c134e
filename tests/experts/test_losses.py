"""The loss at labelled positions equals the model's own."""

from typing import Any

import pytest

from tasks.experts import MASKED, load_base
from tasks.experts.losses import label_nlls

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")


def make_batch(vocabulary: int) -> dict[str, Any]:
    """Return two rows of random tokens, the second padded, with labels in the middle and at the end."""
    ids = torch.randint(5, vocabulary, (2, 12), generator=torch.Generator().manual_seed(0))
    labels = torch.full_like(ids, MASKED)
    labels[0, 5:8], labels[0, 11], labels[1, 6:9] = ids[0, 5:8], ids[0, 11], ids[1, 6:9]
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def test_the_loss_and_its_gradients_equal_the_models_own(base: Any) -> None:
    model, _ = load_base(base, "cpu")
    batch = make_batch(model.config.vocab_size)
    nlls = label_nlls(model, model.get_output_embeddings(), **batch)
    nlls.mean().backward()
    ours = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    expected = model(**batch).loss
    expected.backward()
    assert nlls.shape == (7,)
    torch.testing.assert_close(nlls.mean(), expected)
    for name, value in model.named_parameters():
        torch.testing.assert_close(ours[name], value.grad, msg=name)


def test_the_head_is_whole_again_afterwards(base: Any) -> None:
    model, _ = load_base(base, "cpu")
    batch = make_batch(model.config.vocab_size)
    head = model.get_output_embeddings()
    label_nlls(model, head, **batch)
    assert model(input_ids=batch["input_ids"]).logits.shape == (2, 12, model.config.vocab_size)
    assert not head._forward_pre_hooks
