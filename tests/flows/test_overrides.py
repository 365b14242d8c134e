"""`--set KEY=VALUE`: any field by its path, TOML values, and one clear message for whatever does not fit."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from flows.commands.overrides import parse_overrides, parse_value
from tasks.config import ExperimentConfig, load_profile
from tasks.errors import ConfigError
from tests.forking import run_empathy


def list_fields(group: type[BaseModel] = ExperimentConfig, prefix: str = "") -> list[str]:
    """Return the dotted paths of all fields that stand in plain groups."""
    found = []
    for name, field in group.model_fields.items():
        inner = field.annotation
        is_group = isinstance(inner, type) and issubclass(inner, BaseModel)
        found += list_fields(inner, f"{prefix}{name}.") if is_group else [prefix + name]
    return found


def get_field(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values[part]
    return values


def write_toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON scalars and arrays of printable text are TOML


SCALARS = st.one_of(
    st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
)  # fmt: skip


@given(st.one_of(SCALARS, st.lists(SCALARS, max_size=4)))
def test_a_value_written_as_toml_is_read_as_it_was(value: Any) -> None:
    text = write_toml(value)
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@given(st.text(string.ascii_letters + "-/_. ", min_size=1, max_size=30))
def test_a_bare_word_is_text(word: str) -> None:
    word = f"w{word}".strip()
    assert parse_value(word) == word


@given(st.text(max_size=60))
def test_any_text_at_all_becomes_one_value(text: str) -> None:
    assert isinstance(parse_value(text), str | int | float | list | dict | None)


@given(st.sampled_from(list_fields()), SCALARS)
def test_a_value_lands_at_its_path_and_nowhere_else(path: str, value: Any) -> None:
    overrides = parse_overrides([f"{path}={write_toml(value)}"])
    assert get_field(overrides, path) == value
    group: Any = overrides
    for part in path.split("."):
        assert list(group) == [part]
        group = group[part]


@given(st.sampled_from(list_fields()), st.text(string.ascii_lowercase, min_size=1, max_size=3))
def test_a_misspelt_field_is_told_with_the_one_that_was_meant(path: str, typo: str) -> None:
    wrong = f"{path}{typo}"
    if wrong in list_fields():
        return
    with pytest.raises(ConfigError) as caught:
        parse_overrides([f"{wrong}=1"])
    assert repr(wrong) in caught.value.what
    assert f"--set {wrong}=1" == caught.value.where
    near = caught.value.do.removeprefix("did you mean ").removesuffix("?")
    assert near in list_fields() or "choose one of" in caught.value.do


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1024", 1024), ("1e-4", 1e-4), ("true", True), ("null", None), ("gemma-3-270m", "gemma-3-270m"),
        ("meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B"), ('"5"', "5"), ("2024-01-01", "2024-01-01"),
        ('["base", "mixture"]', ["base", "mixture"]), ("", ""), ("1\nother = 2", "1\nother = 2"),
        ("[" * 999, "[" * 999),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_read_of_a_value(text: str, value: Any) -> None:
    assert parse_value(text) == value


def test_several_are_laid_over_a_profile_and_of_one_field_the_last_counts() -> None:
    said = ["expert.max_length=64", "evaluation.max_turns=null", "expert.max_length=128", "expert={lora_r=4}",
            'evaluation.systems=["base"]', "expert.prompt_format=released",
            "evaluation.judge.kind=distilled"]  # fmt: skip
    config = load_profile("smoke", parse_overrides(said))
    assert (config.expert.lora_r, config.expert.prompt_format) == (4, "released")
    assert (config.evaluation.max_turns, config.evaluation.systems) == (None, ("base",))
    assert load_profile("smoke", parse_overrides(said[:3])).expert.max_length == 128


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("expert.max_length", "has no `=`"),
        ("=5", "no field ''"),
        ("expert.max_lenght=5", "did you mean expert.max_length?"),
        ("expret.max_length=5", "did you mean expert?"),
        ("expert.max_length.more=5", "expert.max_length is a value"),
        ("expert..max_length=5", "no field 'expert.'"),
        ("zzzzzz=5", "choose one of: source,"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_message(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_overrides([assignment])
    assert said in str(caught.value)
    assert assignment in caught.value.where
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("command", "assignment", "named"),
    [
        ("run", "expert.max_length=abc", "expert.max_length"),
        ("train", "expert.max_length=3", "expert.max_length"),
        ("route", "router.routing=blocks", "router.routing"),
        ("evaluate", "evaluation.max_turn=5", "evaluation.max_turns"),
        ("evaluate", "evaluation.max_turns", "has no `=`"),
    ],
)
def test_at_the_terminal_it_exits_2_and_names_the_field_and_what_was_given(
    environment: dict[str, str], command: str, assignment: str, named: str
) -> None:
    done = run_empathy(command, "--profile", "smoke", "--set", assignment, env=environment)
    given_value = assignment.partition("=")[2]
    assert (done.returncode, named in done.stderr, given_value in done.stderr) == (2, True, True), done.stderr
    assert "Traceback" not in done.stderr
