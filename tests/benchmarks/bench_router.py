"""What a mixture of two experts costs beside one LoRA adapter of PEFT, and what PEFT's own mixtures cost.

`make bench-router`. A random Llama (hidden 512, 8 layers), adapters of rank 8, one thread, CPU time, variants in turn;
each ratio is the median over the rounds, after a step to warm up. Bars, for both presets of experts as they are
configured by default (dropout 0.1; the router stage trains gates and experts): training step <= 1.10, forward <= 1.25,
cached generation <= 1.30. Rows marked with a dash have no part in the verdict.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from tasks.router import compose_mixture
from tasks.router.trainer import choose_trainable

MLP = ["gate_proj", "up_proj", "down_proj"]
TARGETS = {"composable": MLP, "paper": ["q_proj", "k_proj", "v_proj", "o_proj", *MLP]}
BARS = {"training step": 1.10, "forward": 1.25, "generation": 1.30}
N_ROUNDS, ROWS, TOKENS, N_NEW = 7, 4, 96, 24
EXPERTS = ("sensibility", "rationality")


def build_base() -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=2048, hidden_size=512, intermediate_size=1408, num_hidden_layers=8,
        num_attention_heads=8, num_key_value_heads=4, pad_token_id=0, bos_token_id=1, eos_token_id=None,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def add_lora(preset: str, dropout: float) -> Any:
    config = peft.LoraConfig(
        r=8, lora_alpha=32, lora_dropout=dropout, target_modules=TARGETS[preset], task_type="CAUSAL_LM"
    )
    model = peft.get_peft_model(build_base(), config)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.02)
    return model


def write_experts(folder: Path) -> dict[str, list[Path]]:
    """Write two random experts of each preset."""
    made = {preset: [folder / preset / name for name in EXPERTS] for preset in TARGETS}
    for preset, places in made.items():
        for place in places:
            add_lora(preset, 0.1).save_pretrained(place)
    return made


def mix(places: list[Path], train: str, dropout: float) -> Any:
    experts = dict(zip(EXPERTS, places, strict=True))
    model = compose_mixture(build_base(), experts, "block", init_std=0.02, seed=0)
    choose_trainable(model, train, dropout)
    return model


def mix_by_xlora(places: list[Path]) -> Any:
    base = build_base()
    base.config.use_cache = False  # X-LoRA refuses a model that has it
    adapters = {str(number): str(place) for number, place in enumerate(places)}
    config = peft.XLoraConfig(task_type="CAUSAL_LM", hidden_size=512, xlora_depth=1, adapters=adapters)
    return peft.get_peft_model(base, config)


def mix_by_arrow(places: list[Path]) -> Any:
    config = peft.ArrowConfig(top_k=2)
    return peft.create_arrow_model(build_base(), [str(place) for place in places], config)


def make_ids() -> Any:
    return torch.randint(2, 2048, (ROWS, TOKENS), generator=torch.Generator().manual_seed(1))


def train_step(model: Any) -> Callable[[], None]:
    """Return one whole step: forward, backward, optimizer."""
    model.train()
    optimizer = torch.optim.AdamW([value for value in model.parameters() if value.requires_grad], lr=1e-4)
    ids = make_ids()

    def step() -> None:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def forward(model: Any) -> Callable[[], None]:
    model.eval()
    ids = make_ids()

    def step() -> None:
        with torch.no_grad():
            model(input_ids=ids, use_cache=False)

    return step


def generate(model: Any) -> Callable[[], None]:
    model.eval()
    ids = make_ids()[:, :48]
    options = {"attention_mask": torch.ones_like(ids), "max_new_tokens": N_NEW, "do_sample": False, "pad_token_id": 0}

    def step() -> None:
        with torch.no_grad():
            model.generate(input_ids=ids, **options)

    return step


def list_contests(experts: dict[str, list[Path]]) -> Iterator[tuple[str, str, bool, dict[str, Callable[[], Any]], Any]]:
    """Yield what is measured, of what, whether the verdict asks for it, the models (one LoRA first), and how."""
    for preset, places in experts.items():

        def ours(train: str, dropout: float, places: list[Path] = places) -> Callable[[], Any]:
            return lambda: mix(places, train, dropout)

        def lora(dropout: float, preset: str = preset) -> Callable[[], Any]:
            return lambda: add_lora(preset, dropout)

        is_paper = preset == "paper"
        peers = {
            "X-LoRA": lambda places=places: mix_by_xlora(places),
            "Arrow": lambda places=places: mix_by_arrow(places),
        }
        trained = {"one LoRA": lora(0.1), "mixture": ours("router+experts", 0.1), "gates only": ours("router", 0.1)}
        yield "training step", preset, True, trained | ({"X-LoRA": peers["X-LoRA"]} if is_paper else {}), train_step
        if is_paper:
            without = {"one LoRA": lora(0.0), "mixture": ours("router+experts", 0.0)}
            yield "training step", f"{preset}, dropout 0", False, without, train_step
        used = {"one LoRA": lora(0.1), "mixture": ours("router", 0.0), **(peers if is_paper else {})}
        yield "forward", preset, True, used, forward
        yield "generation", preset, True, used, generate


def measure(models: dict[str, Callable[[], Any]], how: Any) -> dict[str, float | str]:
    """Return each model's ratio to the first one, or why it does not run; all in turn, round by round."""
    steps, ratios = {}, {}
    for name, build in models.items():
        try:
            steps[name] = how(build())
            steps[name]()
        except Exception as error:  # noqa: BLE001 - a peer that fails is told, not hidden
            steps.pop(name, None)
            ratios[name] = f"does not run: {type(error).__name__}: {str(error).splitlines()[0][:60]}"
    times = {name: [] for name in steps}
    for _ in range(N_ROUNDS):
        for name, step in steps.items():
            started = time.process_time()
            step()
            times[name].append(time.process_time() - started)
    reference = times["one LoRA"]
    for name, taken in times.items():
        ratios[name] = statistics.median(one / other for one, other in zip(taken, reference, strict=True))
    return ratios


def main() -> int:
    """Print the ratios, and the verdict on the last line."""
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    is_met = True
    with tempfile.TemporaryDirectory() as name:
        for what, preset, is_asked, models, how in list_contests(write_experts(Path(name))):
            ratios = measure(models, how)
            is_met &= not is_asked or ratios["mixture"] <= BARS[what]
            shown = ", ".join(f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}"
                              for key, value in ratios.items() if key != "one LoRA")  # fmt: skip
            bar = f"bar {BARS[what]:.2f}" if is_asked else "-"
            print(f"{what} / one LoRA ({preset}; {bar}): {shown}", flush=True)
    print("PASS" if is_met else "FAIL")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
