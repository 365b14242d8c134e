"""Rows that are continued together, whoever joins and leaves meanwhile, are those that each gives on its own."""

import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tasks.errors import ConfigError  # noqa: E402 - after the skip
from tasks.serving.decoding import DecodingBatch  # noqa: E402 - likewise

SHAPE = {
    "vocab_size": 96, "hidden_size": 48, "intermediate_size": 112, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 12, "max_position_embeddings": 256, "initializer_range": 0.2,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": None,
}  # fmt: skip
ARCHITECTURES = {
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM, {}),
    "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM, {}),
    "gemma3": (
        transformers.Gemma3TextConfig,
        transformers.Gemma3ForCausalLM,
        {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
    ),
}


@pytest.fixture(params=ARCHITECTURES)
def model(request):
    config, model, extra = ARCHITECTURES[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return model(config(**SHAPE, **extra)).eval()


def make_prompt(length, seed):
    return torch.randint(2, 96, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


@torch.inference_mode()
def continue_alone(model, prompt, n):
    ids = list(prompt)
    for _ in range(n):
        ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


class Rows:
    """Prompts in generation, each with the tokens it has got."""

    def __init__(self, model):
        self.batch, self.names, self.tokens = DecodingBatch(model), [], {}

    def add(self, **prompts):
        self.take(list(prompts), self.batch.add(list(prompts.values())))
        self.names += prompts

    def step(self, n):
        for _ in range(n):
            self.take(self.names, self.batch.step([self.tokens[name][-1] for name in self.names]))

    def drop(self, *names):
        self.batch.keep([row for row, name in enumerate(self.names) if name not in names])
        self.names = [name for name in self.names if name not in names]

    def take(self, names, logits):
        for name, token in zip(names, logits.argmax(-1).tolist(), strict=True):
            self.tokens.setdefault(name, []).append(token)


def test_rows_that_join_and_leave_get_the_tokens_that_they_get_alone(model):
    prompts = {name: make_prompt(length, length) for name, length in {"a": 3, "b": 21, "c": 9, "d": 30, "e": 1}.items()}
    rows = Rows(model)
    rows.add(a=prompts["a"], b=prompts["b"])
    rows.step(3)
    rows.add(c=prompts["c"])
    rows.step(4)
    rows.drop("b")  # the widest: columns go with it
    rows.step(2)
    rows.add(d=prompts["d"], e=prompts["e"])
    rows.step(9)
    rows.drop("a", "d")
    rows.step(3)
    lengths = {name: len(tokens) for name, tokens in rows.tokens.items()}
    assert lengths == {"a": 19, "b": 8, "c": 19, "d": 10, "e": 13}
    for name, tokens in rows.tokens.items():
        assert tokens == continue_alone(model, prompts[name], len(tokens)), name


def test_columns_that_no_row_needs_are_dropped(model):
    rows = Rows(model)
    rows.add(long=make_prompt(60, 1), short=make_prompt(5, 2))
    rows.step(2)
    rows.drop("long")
    assert tuple(rows.batch.mask.shape) == (1, 7)
    assert all(layer.keys.shape[-2] <= 7 for layer in rows.batch.cache.layers)
    rows.drop("short")
    assert (rows.batch.cache, tuple(rows.batch.mask.shape)) == (None, (0, 0))


def test_a_model_with_another_kind_of_memory_is_refused():
    config = transformers.MambaConfig(vocab_size=32, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(ConfigError, match="MambaForCausalLM cannot be served"):
        DecodingBatch(transformers.MambaForCausalLM(config))
