"""The README.md of an export: what it is, what it was made from, how it was checked and how it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.experts import NOT_EVALUATED, Ancestor, ModelCard, write_card

if TYPE_CHECKING:
    from tasks.router.export.run import Background, Export

CHECKS = """\
In float32 against the model it was made from: on {n_prompts} prompts the largest difference of a logit is
{difference:.1e}, and the greedy text is the same. `export.json` holds the figures and the versions. Prompts are chat
messages, rendered with the chat template that lies beside the weights."""
TITLES = {
    "moe": "A mixture of two empathetic experts",
    "lora": "Empathetic experts as LoRA adapters",
    "merged": "An empathetic expert, merged into its base",
}
WHAT = {
    "moe": "A token-wise mixture of experts: each MLP block of the base is there once for each expert, and a gate "
    "mixes all of them for every token (no expert is left out, so it is not sparse). What the experts adapt besides "
    "(attention) stands at their mean.",
    "lora": "Each folder with an `adapter_config.json` is a plain PEFT adapter. The gates of the mixture are not "
    "part of it.",
    "merged": "The adapter's update is added to the weights: an ordinary checkpoint of the base's architecture.",
}
CHECKPOINT_USAGE = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("THIS_FOLDER")
tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")
```
vLLM: `vllm serve THIS_FOLDER --dtype bfloat16`
llama.cpp: `python convert_hf_to_gguf.py THIS_FOLDER --outfile model.gguf`, then `llama-server -m model.gguf`

Loading with transformers is part of the check above; vLLM and llama.cpp were not run."""
LORA_USAGE = """\
```python
from peft import PeftModel
from transformers import AutoModelForCausalLM
base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "THIS_FOLDER{inner}")
```
vLLM: `vllm serve {base} --enable-lora --lora-modules {name}=THIS_FOLDER{inner} --chat-template THIS_FOLDER{inner}/chat_template.jinja`
llama.cpp: `python convert_lora_to_gguf.py THIS_FOLDER{inner} --base BASE_FOLDER --outfile {name}.gguf`, then `llama-server -m base.gguf --lora {name}.gguf`

Loading with PEFT is part of the check above; vLLM and llama.cpp were not run."""  # noqa: E501 - commands on a line each


OF_THE_MIXTURE = "What is said here is of the whole mixture, whose gates are no part of these folders.\n\n"


def write_export_card(export: Export, model: ModelCard, background: Background, folder: Path) -> None:
    """Write README.md: the card of the model that was exported, and what this form of it is and how it is loaded."""
    base, name = model.origin.base, next(iter(export.differences))
    inner = f"/{name}" if (folder / name).is_dir() else ""
    is_lora = export.format == "lora"
    card = replace(
        model,
        title=TITLES[export.format],
        what=WHAT[export.format],
        library="peft" if is_lora else "transformers",
        tags=(export.format,),
        artifacts=[*tell_model(background.lineage[:1]), *model.artifacts],
        evaluation=(OF_THE_MIXTURE if inner else "") + (background.evaluation or NOT_EVALUATED),
        checks=CHECKS.format(n_prompts=export.n_prompts, difference=max(export.differences.values())),
        usage=LORA_USAGE.format(base=base, inner=inner, name=name) if is_lora else CHECKPOINT_USAGE,
    )
    write_card(card, folder)


def tell_model(model: Sequence[Ancestor]) -> list[tuple[str, str]]:
    """Return the row of the artifact that was exported."""
    return [("exported from", f"`{one.name}`, sha256 `{one.ref.sha256}`") for one in model]
