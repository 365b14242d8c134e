"""A few anchors of the tests' own, and what is needed to ask about them without Prefect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.config import JudgeConfig, ScoringConfig
from tasks.home import Home
from tasks.judges import (
    Case,
    RegressionConfig,
    RegressionRun,
    ask_cases,
    conclude_run,
    derive_cases,
    read_anchors,
    read_replies,
)
from tasks.scoring import Judge, ScoringRun, hold_lease, identify_judge, load_judge

SMALL = """
[[anchor]]
id = "rain"
emotion = "sad"
names = ["Ann", "Eve"]
context = ["My roof leaks on Ann's bed."]
response = "Oh no, poor Ann! A bucket tonight and a roofer tomorrow might do."
sensibility = [5, 9]
rationality = [5, 9]
warmth_removed = "A bucket tonight and a roofer tomorrow might do."
advice_to_sympathy = "Oh no, poor Ann! I feel for you both."
paraphrase = "Dear me, Ann has no luck! Try a pail now and a roofer in the morning."

[[anchor]]
id = "test"
emotion = "proud"
names = ["Bo", "Al"]
context = ["I passed.", "What did you pass?", "The test that Bo failed."]
response = "I am so glad for you! Hooray."
sensibility = [6, 10]
rationality = [0, 4]
warmth_removed = "Right."
paraphrase = "How happy I am for you! Hurrah."

[[anchor]]
id = "soup"
emotion = "bored"
names = ["Kim", "Lou"]
context = ["Kim made soup again."]
response = "Soup is soup."
sensibility = [0, 2]
rationality = [0, 2]
paraphrase = "Soups are alike."
"""
LLM = JudgeConfig(kind="openai", model="judge-2026")


def write_small(folder: Path) -> str:
    """Write the anchors and return where they are."""
    path = folder / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


@contextmanager
def open_run(home: Home, judge: JudgeConfig, judged_by: Judge | None = None, **scoring: object) -> Iterator[ScoringRun]:
    """Hold a judge as a flow does; another one may answer under its name."""
    config = ScoringConfig(**scoring)
    identity = identify_judge(judge, home.settings.judge_base_url)
    with hold_lease(home.settings.journal_dir / identity.judge_id, identity.alias, "test") as lease:
        loaded = judged_by or load_judge(judge, identity, home.settings, config, lease.check)
        try:
            yield ScoringRun("test", home, identity, loaded, lease)
        finally:
            loaded.close()


def regress(home: Home, regression: RegressionConfig, judge: JudgeConfig = LLM, **scoring: object) -> RegressionRun:
    """Ask a judge about anchors and keep the run, as the flow does."""
    cases = derive_cases(read_anchors(regression.anchors))
    replies = read_replies(Path(judge.replies_file), cases) if judge.replies_file else None
    with open_run(home, judge, **scoring) as run:
        return conclude_run(run, cases, ask_cases(run, cases, replies), regression)


def make_scores(cases: list[Case], score: Callable[[Case], tuple[float, float] | None]) -> dict:
    """Return the scores of cases by their names."""
    return {case.name: score(case) for case in cases}
