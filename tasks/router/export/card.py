"""The README.md of an export: what it is, what it was made from, how it was checked and how it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.router.export.run import Export

CARD = """\
---
base_model: {base}
library_name: {library}
tags: [efficient-empathy, {format}]
---
# {title}

{what} Made with efficient-empathy, after the method of Efficient-Empathy (arXiv 2407.01937).

| | |
|---|---|
| base model | `{base}`, digest `{base_digest}` |
{origin}

Checked in float32 against the model it was made from: on {n_prompts} prompts the largest difference of a logit is
{difference:.1e}, and the greedy text is the same. `export.json` holds the figures and the versions.

## How to load it
{usage}

Prompts are chat messages, rendered with the chat template that lies beside the weights.
The licence of the base model, and the terms of the data it was trained on, hold for this model too.
"""
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


def write_card(export: Export, folder: Path) -> None:
    """Write README.md; a base in a folder of this machine is named by that folder's name only."""
    base = Path(export.base).name if Path(export.base).is_absolute() else export.base
    name = next(iter(export.differences))
    inner = f"/{name}" if (folder / name).is_dir() else ""
    usage = LORA_USAGE.format(base=base, inner=inner, name=name) if export.format == "lora" else CHECKPOINT_USAGE
    text = CARD.format(
        base=base,
        library="peft" if export.format == "lora" else "transformers",
        format=export.format,
        title=TITLES[export.format],
        what=WHAT[export.format],
        base_digest=export.base_digest,
        origin="\n".join(f"| {key} | sha256 `{value}` |" for key, value in export.artifacts.items()),
        n_prompts=export.n_prompts,
        difference=max(export.differences.values()),
        usage=usage,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
