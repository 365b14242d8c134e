"""Tokens drawn by temperature, nucleus and seed."""

from collections import Counter

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.serving.job import Job, Options  # noqa: E402 - after the skip
from tasks.serving.sampling import draw_token, make_generator, pick_tokens  # noqa: E402 - likewise

LOGITS = torch.log(torch.tensor([0.1, 0.6, 0.0, 0.3]))


def draw(n=4000, seed=1, logits=LOGITS, **options):
    generator = make_generator(seed)
    drawn = Counter(draw_token(logits, Options(max_tokens=1, **options), generator) for _ in range(n))
    return {token: round(count / n, 1) for token, count in sorted(drawn.items())}


def test_tokens_come_as_often_as_their_probability_says():
    assert draw(temperature=1.0) == {0: 0.1, 1: 0.6, 3: 0.3}


def test_temperature_sharpens_and_flattens():
    sharp = torch.tensor([0.1, 0.6, 0.0, 0.3]) ** 2
    expected = {token: round(float(sharp[token] / sharp.sum()), 1) for token in (1, 3)}
    assert {token: share for token, share in draw(temperature=0.5).items() if share > 0.05} == expected


@pytest.mark.parametrize(
    ("top_p", "tokens"), [(0.0, {1}), (0.59, {1}), (0.61, {1, 3}), (0.95, {0, 1, 3}), (1.0, {0, 1, 3})]
)
def test_a_nucleus_is_the_smallest_set_that_holds_top_p(top_p, tokens):
    assert set(draw(temperature=1.0, top_p=top_p)) == tokens


def test_a_seed_gives_the_same_tokens_in_any_batch():
    def job(seed, temperature=1.0):
        return Job([1], Options(max_tokens=9, temperature=temperature, seed=seed), str, print)

    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(4))
    alone, crowd = job(7), [job(8), job(7), job(None, temperature=0.0)]
    assert [pick_tokens(logits[1:2], [alone])[0] for _ in range(20)] == [
        pick_tokens(logits, crowd)[1] for _ in range(20)
    ]
    assert pick_tokens(logits, crowd)[2] == int(logits[2].argmax())


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-5, 1e-4])
def test_the_coldest_temperatures_are_greedy(temperature):
    job = Job([1], Options(max_tokens=1, temperature=temperature, seed=1), str, print)
    assert pick_tokens(1e4 * LOGITS.clamp(min=-9).unsqueeze(0), [job]) == [1]
