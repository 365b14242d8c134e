"""A tiny random Llama for tests and the smoke profile: it learns nothing of use, but every stage is the real one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.chat import TURN_TEMPLATE
from tasks.experts.folders import build_once
from tasks.experts.quiet import quiet_libraries
from tasks.schema import digest_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TINY_LLAMA = "tiny-llama"
SPECIAL_TOKENS = ["<pad>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"]
ARCHITECTURE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 4,  # <end_of_turn>
}
# Enough everyday words for the tokenizer to find frequent pairs in; byte-level, so it can spell all others.
TRAINING_TEXT = """\
user model speaker listener
I had a hard week at work and I do not know what to do about it. That sounds really hard, what happened?
My sister is moving away and I feel so sad about it. I am sorry to hear that, you must miss her already.
We went to the beach with the kids and it was the best day of the year! That is wonderful, I am happy for you.
I was scared when the lights went out last night, I thought somebody was in the house. Oh no, are you okay now?
She got the job that she wanted, and we are all very proud of her. Congratulations, you should be proud!
They told me that I would have to wait for another month. How do you feel about that? I would be angry too.
I hope that things get better for you soon. Thank you, it helps to talk about it with someone who understands.
"""
TINY_SEED = 20240702
BUILD_VERSION = 1  # raise it when the built folder changes
TINY_LLAMA_DIGEST = digest_of(
    {
        "architecture": ARCHITECTURE,
        "text": TRAINING_TEXT,
        "special": SPECIAL_TOKENS,
        "seed": TINY_SEED,
        "version": BUILD_VERSION,
        "template": TURN_TEMPLATE,
    }
)


def build_tiny_llama(cache_dir: Path) -> Path:
    """Return the folder of the tiny model, building it if it is not in `cache_dir` yet."""
    return build_once(cache_dir / f"{TINY_LLAMA}-{TINY_LLAMA_DIGEST[:12]}", _build)


def _build(folder: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _train_tokenizer()
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(TINY_SEED)
        model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **ARCHITECTURE))
    with quiet_libraries():
        model.save_pretrained(folder)


def _train_tokenizer() -> PreTrainedTokenizerBase:
    """Return a byte-level BPE tokenizer with our turn markers and template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TRAINING_TEXT.splitlines(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",  # noqa: S106 - a token of a vocabulary, no password
        bos_token="<bos>",  # noqa: S106 - likewise
        eos_token="<end_of_turn>",  # noqa: S106 - likewise
        chat_template=TURN_TEMPLATE,
    )
