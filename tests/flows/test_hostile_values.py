"""Values that nobody should type, at the command line and in the flow's own types: refused, or harmless."""

from __future__ import annotations

import itertools
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from flows import __main__, terminal
from tasks.bounded import HIDDEN, NAME_LENGTH, PLACE_LENGTH, check_place, make_visible
from tasks.config import ExperimentConfig, JudgeConfig, PairwiseConfig, describe_errors
from tasks.errors import ConfigError, UsageError
from tasks.schema import ArtifactRef
from tasks.scoring import load_rubric
from tests.flows.hostile import NUMBERS, TEXTS, VALUES, find_hidden

HERE = "HERE"
TEXT_COMMANDS = (
    ("select", "--preview", "--judge-id", HERE), ("select", "--explain", HERE), ("select", "--verify", HERE),
    ("select", "--show", "2", "--emotion", HERE), ("select", "--preview", "--rule", HERE), ("lineage", HERE),
    ("ingest", "--", HERE), ("score", "--dry-run", "--judge", HERE), ("judge", "distill", "--judge-id", HERE),
    ("score", "--dry-run", "--judge", "openai", "--model", HERE), ("run", "--profile", HERE),
    ("score", "--dry-run", "--judge", "openai", "--rubric", HERE), ("run", "--judge", "nobody", "--set", HERE),
    ("score", "--dry-run", "--judge", "openai", "--endpoint-alias", HERE), ("status", "--home", HERE),
    ("score", "--dry-run", "--judge", "openai", "--base-url", HERE), ("sweep", "--thresholds", HERE),
    ("judge", "regress", "--last", "--anchors", HERE), ("judge", "regress", "--last", "--judge", HERE),
)  # fmt: skip
NUMBER_COMMANDS = (
    ("select", "--preview", "--threshold", HERE), ("select", "--preview", "--min-words", HERE),
    ("select", "--show", HERE), ("select", "--preview", "--near-duplicates", HERE),
    ("select", "--preview", "--max-per-emotion", HERE),
    ("select", "--preview", "--rule", "quantile", "--keep", HERE), ("sweep", "--thresholds", HERE),
    ("select", "--preview", "--rule", "top-k", "--top-k", HERE), ("score", "--dry-run", "--limit", HERE),
    ("select", "--preview", "--rule", "lower-bound", "--k-sd", HERE), ("score", "--dry-run", "--max-cost", HERE),
    ("score", "--dry-run", "--timeout", HERE), ("score", "--dry-run", "--requests-per-minute", HERE),
    ("run", "--judge", "nobody", "--threshold", HERE), ("judge", "regress", "--last", "--min-pass", HERE),
    ("judge", "regress", "--last", "--max-shift", HERE),
)  # fmt: skip
TABLES = ("dialogues", "turns", "scores", "attempts", "judges", "subsets", "artifacts")


@pytest.fixture(scope="module")
def house(make_home, ingest_file, score_corpus, tmp_path_factory) -> Path:
    """A folder with a scored home in it, an empty folder to work in, and nothing else."""
    folder = tmp_path_factory.mktemp("house")
    home = make_home(folder / "home")
    score_corpus(home, [ingest_file(home, Path("sample"))], JudgeConfig())
    (folder / "work").mkdir()
    return folder


@pytest.fixture
def person(house: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable]:
    """Run the command line here; a return code, what was printed, and what was complained of."""
    for name in [name for name in os.environ if name.startswith(("EMPATHY_", "OPENAI_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(house / "work")

    def run(*args: str) -> tuple[int, str, str]:
        os.environ["EMPATHY_HOME"] = str(house / "home")
        sys.argv = ["empathy", *args]
        message, code = __main__.run_app()
        if message:
            terminal.complain(message)
        return (code, *capfd.readouterr())

    argv = sys.argv
    yield run
    sys.argv = argv
    for name in ("EMPATHY_HOME", "EMPATHY_JUDGE_BASE_URL"):
        os.environ.pop(name, None)


def count_rows(house: Path, make_home) -> dict[str, int]:
    with make_home(house / "home").store.transaction() as connection:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}


def list_outside(house: Path) -> set[Path]:
    return {path for path in house.rglob("*") if not path.is_relative_to(house / "home")}


def judge_answer(args: tuple[str, ...], code: int, out: str, complaint: str) -> str:
    """Return what is wrong with how a command answered, or nothing."""
    if code not in (0, 2):
        return f"exit code {code}: {complaint[:300]!r}"
    if "Traceback" in out + complaint or "unexpected" in complaint:
        return f"a fault of ours: {complaint[:300]!r}"
    if find_hidden(out + complaint):
        return f"raw characters {find_hidden(out + complaint)!r}"
    if code == 2 and not complaint.strip():
        return "nothing is said"
    if len(complaint) > 4000:
        return f"{len(complaint)} characters are said"
    return ""


@pytest.mark.parametrize(
    ("values", "commands"), [(TEXTS, TEXT_COMMANDS), (NUMBERS, NUMBER_COMMANDS)], ids=["texts", "numbers"]
)
def test_the_command_line_refuses_them_in_a_line_or_does_no_harm(values, commands, house, person, make_home):
    before = count_rows(house, make_home)
    wrong, rota = [], itertools.cycle(commands)
    for value in values:
        for command in (next(rota), next(rota)):
            args = tuple(value if part == HERE else part for part in command)
            said = judge_answer(args, *person(*args))
            wrong += [f"{args!r:.200}: {said}"] if said else []
        next(rota)  # else an even number of commands would give each value the same two
    assert wrong == []
    assert list_outside(house) == {house / "work"}
    assert count_rows(house, make_home) == before
    assert min(before["artifacts"], before["scores"]) > 0


def list_groups(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from list_groups(kind)


def is_bounded(value: object) -> bool:
    """Whether a value that a type took is one that every table, path and terminal can bear."""
    if isinstance(value, str):
        return len(value) <= PLACE_LENGTH and make_visible(value) == value
    if isinstance(value, float):
        return math.isfinite(value) and math.copysign(1, value) >= (0 if value == 0 else -1)
    if isinstance(value, int):
        return abs(value) < 2**53
    return isinstance(value, tuple) and all(map(is_bounded, value))


GROUPS = (*dict.fromkeys([*list_groups(ExperimentConfig), PairwiseConfig, ArtifactRef]),)


def test_every_group_of_parameters_is_tried():
    assert len(GROUPS) == 10
    assert len(set(TEXTS)) + len(set(NUMBERS)) >= 80


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_field_refuses_them_by_its_name_or_takes_what_is_bounded(group):
    valid: dict[str, Any] = {}
    if group is ArtifactRef:
        valid = {"kind": "scores", "uri": "/x", "sha256": "a", "n_rows": 0, "config_digest": "b"}
    wrong = []
    for name, value in itertools.product(group.model_fields, (*TEXTS, *NUMBERS, *VALUES)):
        try:
            taken = getattr(group(**{**valid, name: value}), name)
        except ValidationError as error:
            said = describe_errors(error)
            if find_hidden(said) or "\n" in said or len(said) > 1000 or not (name in said or "value: " in said):
                wrong.append(f"{name}={value!r:.60} said {said[:200]!r}")
        else:
            if not (taken is None or isinstance(taken, bool | BaseModel) or is_bounded(taken)):
                wrong.append(f"{name}={value!r:.60} taken as {taken!r:.60}")
    assert wrong == []


@pytest.mark.parametrize("value", [True, [5], {"a": 1}, "nan", float("inf"), 10**400, None, "' OR 1=1", 11, -1])
def test_the_flow_itself_refuses_a_threshold_that_is_none(value):
    from prefect.exceptions import ParameterTypeError

    from flows.select_subsets import select_subsets

    with pytest.raises(ParameterTypeError, match="sensibility_threshold"):
        select_subsets.validate_parameters({"selection": {"sensibility_threshold": value}})


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[31mb", "a\rb", "\u202eb", "a\u2028b", "x" * (PLACE_LENGTH + 1)])
def test_a_place_that_nobody_can_read_is_refused(text):
    with pytest.raises(UsageError) as caught:
        check_place(text, "--home")
    assert not find_hidden(str(caught.value))


@pytest.mark.parametrize("text", ["/data/ünï [1]*.csv", "C:\\x", "s3://bucket/a b", "😀", "👩\u200d💻", ""])
def test_odd_places_that_exist_are_taken(text):
    assert check_place(text, "--home") == make_visible(text) == text


def test_hidden_characters_are_shown_as_escapes_and_lines_stay_lines():
    assert make_visible("a\x1b[31m\u202e\nb") == "a\\x1b[31m\\u202e\nb"
    assert NAME_LENGTH < PLACE_LENGTH
    assert HIDDEN.isascii(), "it stands in the JSON schema as it is"


@pytest.mark.parametrize("name", ["../../../README", "rubrics/../../../../README", "../rubrics/paper", "..", ""])
def test_a_rubric_is_named_and_not_reached_by_a_way_round(name):
    with pytest.raises(ConfigError, match="There is no rubric"):
        load_rubric(name)
