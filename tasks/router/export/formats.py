"""What each format writes, and the proof that it is the model it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tasks.errors import UsageError
from tasks.experts import Base, check_expert, load_base
from tasks.progress import report_progress
from tasks.router.adapters import read_adapter, write_adapter
from tasks.router.export.checking import collect_answers, compare, encode_prompts
from tasks.router.export.twins import build_twin, find_twin
from tasks.router.mixture import INDEX_FILE, expert_folders, load_mixture, open_mixture, read_index

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

STEP = "export"


@dataclass(frozen=True)
class Source:
    """A mixture's or an expert's folder, the base it stands on, and how far an export may be from it."""

    folder: Path
    base: Base
    tolerance: float
    token: str | None = None

    @property
    def is_mixture(self) -> bool:
        """Say whether the folder holds a mixture."""
        return (self.folder / INDEX_FILE).exists()


Differences = dict[str, float]
"""Largest difference of a logit by the model that was compared."""


def write_moe(source: Source, folder: Path) -> Differences:
    """Write a mixture with block routing as the checkpoint of its twin."""
    if not source.is_mixture:
        raise UsageError("An expert is no mixture.", where="--format moe", do="export `mixture`, or use another format")
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(
        source.base.path, revision=source.base.revision or "main", token=source.token, trust_remote_code=False
    )
    find_twin(config, read_index(source.folder).routing)  # before minutes are spent on loading
    model, tokenizer = load_mixture(source.folder, source.base, "cpu", source.token)
    return write_checkpoint(model, tokenizer, build_twin, source.tolerance, folder)


def write_merged(source: Source, folder: Path) -> Differences:
    """Write one expert merged into its base."""
    if source.is_mixture:
        raise UsageError(
            "A mixture cannot be merged into one model: its gates differ from token to token.",
            where="--format merged",
            do="export an expert, or the mixture with --format moe",
        )
    from tasks.router.export.merging import add_expert, remove_expert

    check_expert(source.folder, source.base)
    model, tokenizer = load_base(source.base, "cpu", source.token)
    add_expert(model, read_adapter(source.folder))
    return write_checkpoint(model, tokenizer, lambda m: remove_expert(m, is_merged=True), source.tolerance, folder)


def write_checkpoint(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    convert: Callable[[PreTrainedModel], PreTrainedModel],
    tolerance: float,
    folder: Path,
) -> Differences:
    """Write the model that `convert` makes, with its tokenizer, read it again as anybody would, and compare."""
    import torch
    from transformers import AutoModelForCausalLM

    prompts, pad_id = encode_prompts(tokenizer), cast(int, tokenizer.pad_token_id)
    report_progress(STEP, 0, 3, doing="ask the model")
    expected = collect_answers(model, prompts, pad_id)
    report_progress(STEP, 1, 3, doing="write the checkpoint")
    convert(model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    del model
    report_progress(STEP, 2, 3, doing="ask the checkpoint")
    again: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615 # the folder just written
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
    )
    difference = compare(expected, collect_answers(again.eval(), prompts, pad_id), tolerance)
    report_progress(STEP, 3, 3, doing="equal")
    return {"model": difference}


def write_lora(source: Source, folder: Path) -> Differences:
    """Write each expert as a PEFT folder: of a mixture `<name>/`, of an expert the folder itself."""
    from peft import PeftModel

    from tasks.router.export.merging import add_expert, remove_expert

    if source.is_mixture:
        experts = expert_folders(source.folder, open_mixture(source.folder, source.base))
        targets = {name: folder / name for name in experts}
    else:
        check_expert(source.folder, source.base)
        experts, targets = {"expert": source.folder}, {"expert": folder}
    model, tokenizer = load_base(source.base, "cpu", source.token)
    prompts, pad_id = encode_prompts(tokenizer), cast(int, tokenizer.pad_token_id)
    differences = {}
    for done, (name, path) in enumerate(experts.items()):
        report_progress(STEP, done, len(experts), doing=name)
        adapter = read_adapter(path)
        expected = collect_answers(add_expert(model, adapter), prompts, pad_id)
        remove_expert(model, is_merged=False)
        write_adapter(adapter, targets[name])
        (targets[name] / "chat_template.jinja").write_text(str(tokenizer.chat_template), encoding="utf-8")
        loaded: Any = PeftModel.from_pretrained(model, targets[name]).eval()
        differences[name] = compare(expected, collect_answers(loaded, prompts, pad_id), source.tolerance)
        model = loaded.unload()
    report_progress(STEP, len(experts), len(experts), doing="equal")
    return differences
