"""The hand-written gradient is the gradient."""

from typing import Any

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.router.mixed_hidden import MixedHidden  # noqa: E402 - after the skip
from tasks.router.routed_mlp import draw_mask  # noqa: E402 - likewise

N, EXPERTS, RANK, WIDTH = 5, 3, 2, 7


def make_inputs() -> list[Any]:
    """Tensors in the order of forward's: gates, then base, z and B of gate and up, then A of down."""
    shapes = [(N, EXPERTS), *[(N, WIDTH), (N, EXPERTS, RANK), (EXPERTS, RANK, WIDTH)] * 2, (EXPERTS, RANK, WIDTH)]
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("act_fn", [torch.nn.SiLU(), torch.nn.GELU(approximate="tanh")])
@pytest.mark.parametrize("is_dropped", [False, True])
def test_gradients_agree_with_finite_differences(act_fn: Any, is_dropped: bool) -> None:
    kept = draw_mask(torch.empty(N, WIDTH, dtype=torch.float64), 0.4) if is_dropped else None
    scales = ((2.0, 0.5, 1.0), (1.0, 3.0, 0.0))

    def compute(*tensors: Any) -> Any:
        return MixedHidden.apply(act_fn, scales, kept, *tensors)

    assert torch.autograd.gradcheck(compute, make_inputs())


def test_frozen_weights_get_no_gradient_and_change_none_of_the_others() -> None:
    inputs = make_inputs()
    weights = (3, 6, 7)
    loss = sum(part.sum() for part in MixedHidden.apply(torch.nn.SiLU(), ((1.0,) * 3,) * 2, None, *inputs))
    expected = torch.autograd.grad(loss, [value for i, value in enumerate(inputs) if i not in weights])
    for i in weights:
        inputs[i].requires_grad_(False)

    sum(part.sum() for part in MixedHidden.apply(torch.nn.SiLU(), ((1.0,) * 3,) * 2, None, *inputs)).backward()

    found = [value.grad for i, value in enumerate(inputs) if i not in weights]
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))
    assert [inputs[i].grad for i in weights] == [None] * 3


def test_a_dropout_mask_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    mask = draw_mask(torch.empty(1001, 203), 0.1)

    assert (mask == 0).double().mean().item() == pytest.approx(0.1, abs=5e-3)
    assert mask.double().mean().item() == pytest.approx(1.0, abs=5e-3)
    assert len(mask.unique()) == 2
