"""Base models: a name becomes a folder or hub id, a digest for the artifacts, and a model with its tokenizer."""

from __future__ import annotations

import hashlib
import re
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.chat import TURN_TEMPLATE
from tasks.errors import ConfigError
from tasks.experts.gemma import GEMMA, GEMMA_DIGEST, build_gemma, require_gemma
from tasks.experts.quiet import quiet_libraries
from tasks.experts.ranks import is_sharded
from tasks.experts.revisions import resolve_revision
from tasks.experts.template_check import check_template
from tasks.experts.tiny_llama import TINY_LLAMA, TINY_LLAMA_DIGEST, build_tiny_llama
from tasks.manifest import hash_file
from tasks.schema import canonical_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
START_OF_TURN, END_OF_TURN = "<start_of_turn>", "<end_of_turn>"
IS_PART_OF_A_MODEL = {".json", ".jinja", ".model", ".safetensors", ".txt"}


@dataclass(frozen=True)
class Base:
    """A base model that can be loaded: `path` is a folder or a hub id, `digest` names its content."""

    name: str
    path: str
    revision: str
    digest: str


def prepare_base(name: str, revision: str, cache_dir: Path, token: str | None = None) -> Base:
    """Return the base model `name`, building it in `cache_dir` if it is one of the two built-in ones.

    `name` is a hub id (loaded later, by `load_base`; a branch or a tag becomes the commit it stands for now), a folder,
    'gemma-3-270m' or 'tiny-llama'. Raises ConfigError for a name that is none of these, a folder without a model, or a
    missing package.
    """
    require_train_extra()
    if name == GEMMA:
        return Base(name, str(build_gemma(cache_dir / "bases")), "", GEMMA_DIGEST)
    if name == TINY_LLAMA:
        return Base(name, str(build_tiny_llama(cache_dir / "bases")), "", TINY_LLAMA_DIGEST)
    check_base(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Base(name, str(folder.absolute()), "", hash_model_folder(folder))
    commit = resolve_revision(name, revision, token)
    return Base(name, name, commit, f"{name}@{commit}")


def check_base(name: str) -> None:
    """Raise ConfigError if it is plain at once that the base model `name` cannot be had; no network is used."""
    require_train_extra()
    folder = Path(name).expanduser()
    if name == GEMMA:
        require_gemma()
    elif folder.is_dir():
        list_model_files(folder)
    elif name != TINY_LLAMA and not HUB_ID.fullmatch(name):
        raise ConfigError(
            f"There is no base model {name!r}.",
            where="expert.base_model",
            do=f"give a hub id (owner/name), a folder that exists, {GEMMA!r} or {TINY_LLAMA!r}",
        )


def load_base(
    base: Base, device: str = "auto", token: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model (float32 on a CPU, bfloat16 on a GPU, in evaluation mode) and the tokenizer of `load_tokenizer`.

    The model ends a response at every token that the template ends one with. Code from a hub is never run.
    Raises ConfigError if the model cannot be had, read, or talked to.
    """
    require_train_extra()
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    where = choose_device(device)
    tokenizer = load_tokenizer(base, token)
    dtype = torch.float32 if where == "cpu" else torch.bfloat16
    try:
        with quiet_libraries():
            model = AutoModelForCausalLM.from_pretrained(  # nosec B615 # its revision is one of the options
                base.path, dtype=dtype, use_safetensors=True, trust_remote_code=False, **_options(base, token)
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _cannot_load(base, error) from error
    set_ends(model, tokenizer)
    if not is_sharded():  # else each GPU takes its part of what stands in memory
        torch.nn.Module.to(model, where)  # "cuda" is this process' own: a worker makes it the current one
    return model.eval(), tokenizer


def load_shape(base: Base, token: str | None = None) -> PreTrainedModel:
    """Return the model without its weights: every tensor has a shape and takes no memory.

    Raises ConfigError as `load_base` does.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        options = _options(base, token)
        found = AutoConfig.from_pretrained(base.path, trust_remote_code=False, **options)  # nosec B615 # as above
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(found, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise _cannot_load(base, error) from error


def load_tokenizer(base: Base, token: str | None = None) -> PreTrainedTokenizerBase:
    """Return a base's tokenizer, with a chat template and a padding token; no weight is read.

    One without a template gets ours if it knows the turn markers; every load gives a tokenizer of its own.
    Raises ConfigError if it cannot be had or read, or if its template cannot be talked with.
    """
    require_train_extra()
    try:
        with quiet_libraries():
            tokenizer = copy(_read_tokenizer(base.path, **_options(base, token)))
    except (OSError, ValueError, RuntimeError) as error:
        raise _cannot_load(base, error) from error
    prepare_tokenizer(base.name, tokenizer)
    return tokenizer


def prepare_tokenizer(name: str, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer the template and the padding it has not. Raises ConfigError if it cannot be talked with."""
    if tokenizer.chat_template is None:
        vocabulary = tokenizer.get_vocab()
        if not {START_OF_TURN, END_OF_TURN} <= vocabulary.keys():
            raise ConfigError(
                f"The base model {name!r} has no chat template and does not know {START_OF_TURN}.",
                where="expert.base_model",
                do="use the instruct version of the model, or save a chat template with its tokenizer",
            )
        tokenizer.chat_template = TURN_TEMPLATE
    check_template(name, tokenizer)
    if tokenizer.eos_token is None:
        raise ConfigError(
            f"The tokenizer of the base model {name!r} has no end token.",
            where="expert.base_model",
            do="save the tokenizer again with an eos_token",
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token  # harmless: labels and masks are built from lengths


def set_ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Tell a model every token that ends a response, and the one that pads."""
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends]) | {tokenizer.eos_token_id}
    if END_OF_TURN in tokenizer.chat_template:
        ends.add(tokenizer.convert_tokens_to_ids(END_OF_TURN))
    model.generation_config.eos_token_id = sorted(ends - {None})
    model.generation_config.pad_token_id = tokenizer.pad_token_id


def choose_device(device: str) -> str:
    """Return 'cpu' or 'cuda'; 'auto' is the GPU where there is one. Raises ConfigError if it is not there."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("No GPU is visible to PyTorch.", where="EMPATHY_DEVICE=cuda", do="use EMPATHY_DEVICE=cpu")
    return device


def require_train_extra() -> None:
    """Raise ConfigError if the packages that train models are not installed."""
    missing = [name for name in ("torch", "transformers", "peft", "trl") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"Training needs packages that are not installed: {', '.join(missing)}.",
            do="pip install -c constraints.txt '.[train]'",
        )


def hash_model_folder(folder: Path) -> str:
    """Return a digest over the contents of a model's files, whatever the folder is called.

    Contents, not sizes and times: a copy on another machine is the same base, an edited one is not.
    """
    listing = {path.name: hash_file(path) for path in list_model_files(folder)}
    return hashlib.sha256(canonical_json(listing)).hexdigest()


def list_model_files(folder: Path) -> list[Path]:
    """Return the files that make up a model. Raises ConfigError if the folder holds none."""
    files = sorted(path for path in folder.iterdir() if path.suffix in IS_PART_OF_A_MODEL)
    if not (folder / "config.json").exists() or not any(path.suffix == ".safetensors" for path in files):
        raise ConfigError(
            "The folder holds no model: config.json and *.safetensors are needed.",
            where=str(folder),
            do="save the model there with save_pretrained(), or give another folder",
        )
    return files


@lru_cache(maxsize=1)
def _read_tokenizer(path: str, revision: str, token: str | None) -> PreTrainedTokenizerBase:
    """Return a tokenizer, kept for the next model on the same base: Gemma's takes 4 s to read, its weights 0.2 s."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(path, revision=revision, token=token, trust_remote_code=False)


def _options(base: Base, token: str | None) -> dict[str, str | None]:
    return {"revision": base.revision or "main", "token": token}


def _cannot_load(base: Base, error: Exception) -> ConfigError:
    text = str(error).strip()
    if "gated" in text or "401" in text or "403" in text:
        do = f"accept the model's terms at https://huggingface.co/{base.path} and set HF_TOKEN to your token"
    elif Path(base.path).is_dir():
        do = "check the folder, or remove it if it is in the cache and run the command again"
    else:
        do = "check the name, the revision and the network; without one use 'gemma-3-270m' or a local folder"
    summary = text.splitlines()[0] if text else type(error).__name__
    return ConfigError(f"The base model {base.name!r} cannot be loaded: {summary}", where=base.path, do=do)
