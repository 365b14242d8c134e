"""What training an expert costs beside a plain SFTTrainer of TRL, on real turns and a real small model.

`make bench-training`. Gemma 3 270M, LoRA on the MLP's linears, 500 turns, 8 a step, no dropout, one thread each, every
trainer in a process of its own: response tokens per CPU second from the turns as text to the last step, and the peak
of memory. Plain is one turn a row in random order, padded to the longest of its batch, as TRL does by default (bar
1.50 times as many tokens a second, at no more memory). "head spared" is plain with the vocabulary head at labelled
positions only, as TRL does on a GPU: what is left is the gain by length groups; it has no part in the verdict.
500 turns take plain some 40 CPU minutes; `bench_training.py --turns 120` is a shorter look.
Turns are EmpatheticDialogues' where they lie beside the clone, else those of the bundled sample.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BAR, N_TURNS, BATCH = 1.5, 500, 8
VARIANTS = ("plain", "head spared", "ours")
ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "data" / "ed" / "valid.csv"


def read_turns(source: str, folder: Path, n_turns: int) -> Any:
    """Return turns (dialogue_id, turn_key, prompt, completion), a random but fixed sample."""
    import polars as pl

    from tasks.dialogues import ingest, resolve_source

    ingest(resolve_source(source, folder), "train", folder)
    message = pl.struct(role=pl.lit("assistant"), content=pl.col("response"))
    turns = pl.read_parquet(folder / "turns.parquet").sort("turn_key").head(n_turns)
    return turns.select("dialogue_id", "turn_key", "prompt", completion=pl.concat_list(message))


def make_config() -> Any:
    from tasks.config import ExpertConfig

    return ExpertConfig(
        base_model="gemma-3-270m", learning_rate=1e-4, batch_size=BATCH, lora_dropout=0.0, max_length=512
    )


def train_ours(model: Any, tokenizer: Any, turns: Any, base: Any, folder: Path) -> int:
    from tasks.experts import Runtime, prepare_lesson
    from tasks.experts.training import fit_adapter

    config = make_config()
    runtime = Runtime("cpu", token_cache=folder / "tokens")
    lesson = prepare_lesson(turns, None, base, tokenizer, config, config, None, runtime)
    fit_adapter(model, tokenizer, lesson, config, "expert", runtime)
    return lesson.count()["n_response_tokens"]


def train_plain(model: Any, tokenizer: Any, turns: Any, folder: Path, *, is_head_spared: bool) -> int:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    from tasks.experts.trainer import ExpertTrainer

    config = make_config()
    arguments = SFTConfig(
        output_dir=str(folder), per_device_train_batch_size=BATCH, num_train_epochs=1, max_length=512,
        learning_rate=config.learning_rate, bf16=False, activation_checkpointing=False, use_cpu=True,
        dataloader_pin_memory=False, save_strategy="no", report_to="none", disable_tqdm=True, logging_steps=1,
    )  # fmt: skip
    targets = ["gate_proj", "up_proj", "down_proj"]
    lora = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=32, lora_dropout=0.0, target_modules=targets)
    rows = Dataset.from_list(turns.select("prompt", "completion").to_dicts())
    kind = ExpertTrainer if is_head_spared else SFTTrainer
    trainer = kind(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer, peft_config=lora)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    batches = trainer.get_train_dataloader()
    return sum(int((batch["labels"][:, 1:] != -100).sum()) for batch in batches)


def measure(variant: str, source: str, n_turns: int) -> None:
    """Train one variant in this process and print what it took as JSON."""
    from tasks.experts import load_base, prepare_base, quiet_libraries

    with tempfile.TemporaryDirectory() as name, quiet_libraries():
        folder = Path(name)
        cache = Path(os.environ.get("EMPATHY_HOME", Path.home() / ".efficient-empathy")) / "cache"
        base = prepare_base("gemma-3-270m", "main", cache)
        turns = read_turns(source, folder, n_turns)
        model, tokenizer = load_base(base, "cpu")
        started = time.process_time()
        if variant == "ours":
            n_tokens = train_ours(model, tokenizer, turns, base, folder)
        else:
            n_tokens = train_plain(model, tokenizer, turns, folder, is_head_spared=variant == "head spared")
        seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"tokens": n_tokens, "seconds": seconds, "peak": peak}))


def run_all(n_turns: int) -> dict[str, dict[str, float]]:
    """Measure the variants at the same time, so that a noisy machine is one for all, with one thread each."""
    alone = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
    environment = {**os.environ, **alone, "PYTHONPATH": str(ROOT)}
    started = {
        variant: subprocess.Popen(
            [sys.executable, __file__, "--variant", variant, "--turns", str(n_turns)], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        for variant in VARIANTS
    }  # fmt: skip
    printed = {variant: process.communicate()[0] for variant, process in started.items()}
    return {variant: json.loads(text.splitlines()[-1]) for variant, text in printed.items()}


def main() -> int:
    """Print the ratios, and the verdict on the last line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=N_TURNS)
    parser.add_argument("--variant", help="measure only this one, here", choices=VARIANTS)
    asked = parser.parse_args()
    source, n_turns = str(REAL) if REAL.exists() else "sample", asked.turns
    if asked.variant:
        measure(asked.variant, source, n_turns)
        return 0
    where = "EmpatheticDialogues" if REAL.exists() else "the bundled sample"
    print(f"{n_turns} turns of {where}, {BATCH} a step", flush=True)
    speed = memory = 0.0
    found = run_all(n_turns)
    plain = found["plain"]
    for variant, at in found.items():  # ours is the last
        at["rate"] = at["tokens"] / at["seconds"]
        speed, memory = at["rate"] / plain["rate"], at["peak"] / plain["peak"]
        print(
            f"{variant}: {at['tokens']:,} response tokens, {at['rate']:.1f} a CPU second ({speed:.2f} of plain), "
            f"peak {at['peak'] / 1e9:.2f} GB ({memory:.2f})"
        )
    is_met = speed >= BAR and memory <= 1
    print(f"{'PASS' if is_met else 'FAIL'}: {speed:.2f} times the response tokens a second (bar {BAR:.2f})")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
