"""Small artifact folders by the row contracts, with invented texts."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from markupsafe import Markup

from tasks.reporting import ReportInputs
from tasks.reporting.material import open_material
from tasks.reporting.page import list_figures, render_page
from tasks.reporting.sections import describe_tabs, summarise_report
from tasks.schema import ArtifactRef

EMOTIONS = ("proud", "lonely", "guilty", "hopeful", "annoyed", "grateful")
MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
TURN_SCHEMA = {
    "dialogue_id": pl.String, "utterance_idx": pl.Int32, "turn_key": pl.String, "split": pl.String,
    "emotion": pl.String, "prompt": MESSAGES, "response": pl.String,
}  # fmt: skip
SUBSET_SCHEMA = {
    **{name: kind for name, kind in TURN_SCHEMA.items() if name != "response"},
    "completion": MESSAGES, "sensibility": pl.Float64, "rationality": pl.Float64,
    "subset": pl.String, "reason": pl.String,
}  # fmt: skip
SCORE_SCHEMA = {
    "turn_key": pl.String, "sensibility": pl.Float64, "rationality": pl.Float64,
    "sensibility_sd": pl.Float64, "rationality_sd": pl.Float64, "method": pl.String, "unscored_reason": pl.String,
}  # fmt: skip
SYSTEMS = ("base", "sensibility", "rationality", "mixture", "union")
CONFIG = {
    "source": "sample",
    "judge": {"kind": "distilled", "rubric": "paper"},
    "selection": {"rule": "paper", "sensibility_threshold": 5.0, "rationality_threshold": 5.0, "split": "auto"},
    "expert": {"base_model": "gemma-3-270m"},
}
SAID = ("I {} about the garden wall all week", "We {} over the kettle again", "Somebody {} on my bicycle")
ANSWERS = (
    "That must have been a long week.",
    "Did you tell them?",
    "Bicycles have two wheels.",
    "I would be upset too.",
)
VERBS = ("worried", "laughed", "argued", "wondered")


@dataclass(frozen=True)
class Folders:
    """Where the fabricated artifacts are, and the turns they were made from."""

    root: Path
    turns: list[dict]

    def inputs(self, *without: str) -> ReportInputs:
        """Return a report's inputs with every artifact but those named."""
        has = {
            name: name not in without for name in ("dialogues", "scores", "subsets", "experts", "mixture", "evaluation")
        }
        return ReportInputs(
            title="A night's run",
            dialogues=[self.root / "dialogues"] if has["dialogues"] else [],
            scores=self.root / "scores" if has["scores"] else None,
            subsets=self.root / "subsets" if has["subsets"] else None,
            experts={s: self.root / s for s in ("sensibility", "rationality", "union")} if has["experts"] else {},
            mixture=self.root / "mixture" if has["mixture"] else None,
            evaluation=self.root / "evaluation" if has["evaluation"] else None,
            config=CONFIG,
            judge_alias="distilled-1",
            lineage=[ArtifactRef(kind="scores", uri=str(self.root / "scores"), sha256="ab" * 32, n_rows=len(self.turns),
                                 config_digest="cd" * 16)],
            prefect_url="http://127.0.0.1:4200/runs/flow-run/1",
        )  # fmt: skip


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Every artifact of a small run."""
    return fabricate(tmp_path_factory.mktemp("artifacts"), n_dialogues=60)


@pytest.fixture(name="fabricate", scope="session")
def _fabricate() -> Callable[..., Folders]:
    """Writes artifact folders; see `fabricate` below."""
    return fabricate


@pytest.fixture(scope="session")
def render() -> Callable[[ReportInputs], str]:
    """Renders a page with an empty drawing in the place of each chart, which is what takes long."""

    def render_undrawn(inputs: ReportInputs) -> str:
        material = open_material(inputs)
        tabs = describe_tabs(material)
        drawings = {figure.name: [Markup("<svg />")] * len(figure.widths) for figure in list_figures(tabs)}
        return render_page(inputs.title, "", summarise_report(material), tabs, drawings)

    return render_undrawn


def fabricate(root: Path, n_dialogues: int, emotions=EMOTIONS, spoken: str = "") -> Folders:
    """Write one folder an artifact; `spoken` is put into every utterance and name that a person could choose."""
    rng = random.Random(7)
    turns = [turn for number in range(n_dialogues) for turn in make_turns(rng, number, emotions, spoken)]
    write_dialogues(root / "dialogues", turns, spoken)
    write_scores(root / "scores", turns)
    write_subsets(root / "subsets", turns)
    for place, system in enumerate(("sensibility", "rationality", "union", "mixture")):
        write_training(root / system, rng, 8 + 8 * (place == 2), system == "mixture", spoken)
    write_evaluation(root / "evaluation", rng, turns[: min(48, len(turns))])
    return Folders(root, turns)


def make_turns(rng: random.Random, number: int, emotions, spoken: str) -> list[dict]:
    emotion = emotions[number % len(emotions)] + spoken
    split = ("train", "train", "train", "valid", "test")[number % 5]
    turns, messages = [], []
    for idx in range(2, 2 * rng.randint(1, 3) + 1, 2):
        messages = [
            *messages,
            {"role": "user", "content": f"{rng.choice(SAID).format(rng.choice(VERBS))}, {number}. {spoken}"},
        ]
        response = rng.choice(ANSWERS) + spoken
        key = hashlib.sha256(f"{number}:{idx}".encode()).hexdigest()
        is_unscored = len(turns) == 1 and number % 10 == 1
        turns.append({
            "dialogue_id": f"d:{number}", "utterance_idx": idx, "turn_key": key, "split": split, "emotion": emotion,
            "prompt": messages, "response": response,
            "sensibility": None if is_unscored else float(min(10, max(0, round(rng.gauss(6.6, 2))))),
            "rationality": None if is_unscored else float(min(10, max(0, round(rng.gauss(4.2, 2))))),
        })  # fmt: skip
        messages = [*messages, {"role": "assistant", "content": response}]
    return turns


def write_dialogues(folder: Path, turns: list[dict], spoken: str) -> None:
    folder.mkdir(parents=True)
    firsts = {turn["dialogue_id"]: turn for turn in turns}
    dialogues = [
        {"dialogue_id": key, "split": turn["split"], "emotion": turn["emotion"], "situation": "A wall fell." + spoken,
         "n_utterances": turn["utterance_idx"]}
        for key, turn in firsts.items()
    ]  # fmt: skip
    pl.DataFrame(dialogues).with_columns(pl.col("n_utterances").cast(pl.Int32)).write_parquet(
        folder / "dialogues.parquet"
    )
    rows = [{name: turn[name] for name in TURN_SCHEMA} for turn in turns]
    pl.DataFrame(rows, schema=TURN_SCHEMA).write_parquet(folder / "turns.parquet")
    quarantine = [
        ("sample.csv", 12, "out_of_order", "d:1,4,proud" + spoken),
        ("sample.csv", 31, "empty_text", "d:2,2,,"),
        ("sample.csv", 40, "empty_text", "d:3,2,,"),
    ]
    schema = {"source": pl.String, "line": pl.Int64, "reason": pl.String, "raw": pl.String}
    pl.DataFrame(quarantine, schema=schema, orient="row").write_parquet(folder / "quarantine.parquet")


def write_scores(folder: Path, turns: list[dict]) -> None:
    folder.mkdir()
    rows = [
        (turn["turn_key"], turn["sensibility"], turn["rationality"], None, None, "point",
         "refusal" if turn["sensibility"] is None else None)
        for turn in turns
    ]  # fmt: skip
    pl.DataFrame(rows, schema=SCORE_SCHEMA, orient="row").write_parquet(folder / "scores.parquet")


def decide(turn: dict) -> tuple[str, str]:
    sensibility, rationality = turn["sensibility"], turn["rationality"]
    if sensibility is None:
        return "excluded", "unscored: refusal"
    if rationality > 5:
        return "rationality", "R > threshold"
    if sensibility > 5 and rationality < 5:
        return "sensibility", "S > threshold and R < threshold"
    return "discard", "R = threshold" if rationality == 5 else "S <= threshold and R < threshold"


def write_subsets(folder: Path, turns: list[dict]) -> None:
    folder.mkdir()
    rows: dict[str, list[dict]] = {"sensibility": [], "rationality": [], "discard": [], "excluded": []}
    for turn in turns:
        if turn["split"] != "train":
            continue
        subset, reason = decide(turn)
        row = {
            **turn,
            "completion": [{"role": "assistant", "content": turn["response"]}],
            "subset": subset,
            "reason": reason,
        }
        rows[subset].append({name: row[name] for name in SUBSET_SCHEMA})
    for subset, subset_rows in rows.items():
        pl.DataFrame(subset_rows, schema=SUBSET_SCHEMA).write_parquet(folder / f"{subset}.parquet")


def write_training(folder: Path, rng: random.Random, steps: int, is_mixture: bool, spoken: str = "") -> None:
    folder.mkdir()
    log = {
        "loss": [{"step": step, "loss": 2.6 + 1.4 / step + rng.uniform(-0.1, 0.1)} for step in range(1, steps + 1)],
        "n_rows": 8 * steps,
        "seconds": 5.5 * steps,
    }
    if is_mixture:
        log |= make_gates(rng)
        spoken_tokens = [[text, rng.random()] for text in ("That", " must", " hurt", f".{spoken}")]
        turns = [{"turn_key": str(place), "said": f"It fell.{spoken}", "tokens": spoken_tokens} for place in range(2)]
        tokens = {"expert": "sensibility", "is_held_out": True, "dialogues": [{"dialogue_id": "d:1", "turns": turns}]}
        (folder / "token_gates.json").write_text(json.dumps(tokens), encoding="utf-8")
    (folder / "training.json").write_text(json.dumps(log), encoding="utf-8")


def make_gates(rng: random.Random) -> dict[str, object]:
    """Return the keys of a mixture's training.json that tell of its gates, at 18 layers."""

    def make_layers() -> list[dict]:
        shares = [0.35 + 0.3 * rng.random() for _ in range(18)]
        return [
            {"layer": f"model.layers.{layer}.mlp", "gates": {"sensibility": share, "rationality": 1 - share},
             "entropy": 0.6, "entropy_share": 0.866, "distance": abs(share - 0.5) + 0.05, "n_tokens": 40}
            for layer, share in enumerate(shares)
        ]  # fmt: skip

    return {
        "gates": make_layers(),
        "gates_by_subset": {name: make_layers() for name in ("sensibility", "rationality")},
        "gates_by_class": {name: make_layers() for name in ("prompt", "affect", "function", "other", "end")},
        "gates_by_step": [{"step": step, "layers": make_layers()} for step in (1, 4, 8)],
    }


def write_evaluation(folder: Path, rng: random.Random, turns: list[dict]) -> None:
    folder.mkdir()
    metrics, responses = [], []
    level = {"base": 58.2, "sensibility": 33.4, "rationality": 35.1, "mixture": 31.9, "union": 31.2}
    for system in SYSTEMS:
        value = level[system]
        metrics.append((system, "perplexity", value, value * 0.86, value * 1.16, len(turns)))
        for place, metric in enumerate(("bleu_1", "bleu_4", "dist_1", "dist_2", "rouge_l", "f1", "rouge_1")):
            value = 4 + 5 * place + rng.uniform(0, 3)
            metrics.append((system, metric, value, value - 1.7, value + 1.9, min(16, len(turns))))
        responses += [
            {"system": system, "dialogue_id": turn["dialogue_id"], "utterance_idx": turn["utterance_idx"],
             "turn_key": turn["turn_key"], "prompt": turn["prompt"], "reference": turn["response"],
             "response": rng.choice(ANSWERS) if place < 16 else None, "nll": 40.0, "n_tokens": 12}
            for place, turn in enumerate(turns)
        ]  # fmt: skip
    schema = {"system": pl.String, "metric": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
              "n": pl.Int64}  # fmt: skip
    pl.DataFrame(metrics, schema=schema, orient="row").write_parquet(folder / "metrics.parquet")
    schema = {"system": pl.String, "dialogue_id": pl.String, "utterance_idx": pl.Int32, "turn_key": pl.String,
              "prompt": MESSAGES, "reference": pl.String, "response": pl.String,
              "nll": pl.Float64, "n_tokens": pl.Int32}  # fmt: skip
    pl.DataFrame(responses, schema=schema).write_parquet(folder / "responses.parquet")
