"""A run's name says what ran; every flow has one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from prefect.flows import Flow

from flows import naming
from tasks.config import (
    ActiveConfig,
    ExperimentConfig,
    JudgeConfig,
    PairwiseConfig,
    SelectionConfig,
    SweepConfig,
    load_profile,
)

FLOWS = Path(naming.__file__).parent
SMOKE = load_profile("smoke")


def test_every_flow_names_its_runs() -> None:
    found = {}
    for file in sorted(FLOWS.glob("*.py")):
        if "@flow(" in file.read_text(encoding="utf-8"):
            flow = getattr(import_module(f"flows.{file.stem}"), file.stem)
            assert isinstance(flow, Flow)
            found[flow.name] = flow.flow_run_name
    assert len(found) >= 14
    assert [name for name, namer in found.items() if not namer] == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (naming.name_ingest("sample", source_split="auto"), "ingest sample"),
        (naming.name_whole(SMOKE), "efficient empathy on sample, tiny-llama"),
        (naming.name_scoring(JudgeConfig(), scoring=None), "score with distilled"),
        (naming.name_scoring(JudgeConfig(kind="openai", model="m")), "score with m"),
        (naming.name_regression(JudgeConfig(kind="openai", model="m")), "regress m"),
        (naming.name_active(JudgeConfig(kind="openai", model="m"), ActiveConfig(budget=0.1)),
         "score actively with m, at most 10%"),
        (naming.name_selection(SelectionConfig(sensibility_threshold=6)), "select paper S>6 R>5"),
        (naming.name_sweep(SweepConfig()), "sweep paper, released at 4, 5, 6, 7"),
        (naming.name_training(SMOKE, ("sensibility", "rationality")), "train sensibility, rationality on tiny-llama"),
        (naming.name_routing(SMOKE), "route router+experts (block) on tiny-llama"),
        (naming.name_evaluation(SMOKE), "evaluate base, prompted, sensibility and 6 more of tiny-llama"),
        (naming.name_evaluation(ExperimentConfig()),
         "evaluate base, prompted, sensibility and 6 more of Meta-Llama-3-8B-Instruct"),
        (naming.name_judging([1], JudgeConfig()), "judge responses of 1 system with distilled"),
        (naming.name_comparing([1, 2], PairwiseConfig(model="m")), "compare 2 systems by m"),
    ],
)  # fmt: skip
def test_a_name_says_what_runs(said: str, expected: str) -> None:
    assert said == expected


def test_a_base_model_in_a_folder_is_named_by_the_folder() -> None:
    config = ExperimentConfig.model_validate({"expert": {"base_model": "/models/mine/"}})
    assert naming.name_training(config, ["union"]) == "train union on mine"
