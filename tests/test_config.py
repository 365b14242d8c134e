"""The configuration: every shipped profile parses, and whatever is wrong is refused by its name."""

from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from tasks.config import (
    ControlName,
    ExperimentConfig,
    JudgeConfig,
    ScoringConfig,
    SelectionConfig,
    SystemName,
    list_profiles,
    load_profile,
    merge,
    parse_config,
)
from tasks.errors import ConfigError


def groups(model=ExperimentConfig):
    """Every group of parameters, the whole one first."""
    found = [model]
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += groups(field.annotation)
    return found


def test_there_are_three_profiles():
    assert list_profiles() == ["demo", "paper", "smoke"]


@pytest.mark.parametrize("name", ["demo", "paper", "smoke"])
def test_a_shipped_profile_parses_and_differs_from_the_defaults(name):
    assert load_profile(name) != ExperimentConfig()


def test_the_paper_profile_holds_the_released_choices():
    paper = load_profile("paper")
    assert (paper.selection.rule, paper.selection.sensibility_threshold) == ("released", 5)
    assert (paper.expert.prompt_format, paper.expert.target_modules) == ("released", "paper")
    assert (paper.expert.lora_r, paper.expert.lora_alpha, paper.expert.lora_dropout) == (8, 32, 0.1)
    assert (paper.expert.learning_rate, paper.expert.batch_size, paper.expert.max_length) == (1e-4, 16, 512)
    assert (paper.router.train, paper.router.routing, paper.router.data) == ("released", "linear", "all")


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.__name__)
def test_every_parameter_is_explained_frozen_and_no_other_is_taken(group):
    assert group.model_config["frozen"]
    assert group.model_config["extra"] == "forbid"
    for name, field in group.model_fields.items():
        assert field.description, f"{group.__name__}.{name} has no description"
        assert field.description.endswith((".", "?")), f"{group.__name__}.{name}: a sentence ends with a full stop"


def test_there_are_eight_groups_of_parameters():
    assert len(groups()) == 8


def test_a_config_cannot_be_changed():
    config = ExperimentConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.source = "x"
    with pytest.raises(ValidationError, match="frozen"):
        config.selection.rule = "released"
    assert hash(config) == hash(ExperimentConfig())


def test_a_config_survives_json_as_prefect_stores_it():
    for name in list_profiles():
        config = load_profile(name)
        assert ExperimentConfig.model_validate_json(config.model_dump_json()) == config


def test_an_unknown_profile_is_told_with_those_there_are():
    for name in ("nothing", "../profiles/demo", "", "demo.toml"):
        with pytest.raises(ConfigError) as caught:
            load_profile(name)
        assert caught.value.do == "choose one of: demo, paper, smoke"


WRONG = [
    ({"selection": {"sensibility_threshold": 11}}, "selection.sensibility_threshold", "11"),
    ({"selection": {"rationality_threshold": -0.1}}, "selection.rationality_threshold", "-0.1"),
    ({"selection": {"rationality_threshold": float("nan")}}, "selection.rationality_threshold", "nan"),
    ({"selection": {"rationality_threshold": "1e309"}}, "selection.rationality_threshold", "1e309"),
    ({"selection": {"rule": "'; DROP TABLE scores; --"}}, "selection.rule", "DROP TABLE"),
    ({"selection": {"treshold": 5}}, "selection.treshold", "5"),
    ({"expert": {"lora_r": 0}}, "expert.lora_r", "0"),
    ({"expert": {"learning_rate": 0}}, "expert.learning_rate", "0"),
    ({"expert": {"base_model": ""}}, "expert.base_model", "''"),
    ({"scoring": {"limit": 0}}, "scoring.limit", "0"),
    ({"scoring": {"max_concurrency": 2.5}}, "scoring.max_concurrency", "2.5"),
    ({"router": {"data": "some"}}, "router.data", "some"),
    ({"evaluation": {"systems": ["base", "gpt"]}}, "evaluation.systems.1", "gpt"),
    ({"controls": ["union", "nothing"]}, "controls.1", "nothing"),
    ({"judge": {"temperature": 3}}, "judge.temperature", "3"),
    ({"judge": {"kind": "replies"}}, "judge", "replies_file=''"),
    ({"judge": {"replies_file": "x.jsonl"}}, "judge", "x.jsonl"),
    ({"source": None}, "source", "None"),
    ({"nothing": 1}, "nothing", "1"),
]


@pytest.mark.parametrize(("overrides", "field", "value"), WRONG, ids=lambda item: str(item)[:40])
def test_a_wrong_value_is_refused_with_its_fields_name_and_what_was_given(overrides, field, value):
    with pytest.raises(ConfigError) as caught:
        load_profile("demo", overrides)
    assert f"{field}: " in caught.value.what
    assert value in caught.value.what
    assert caught.value.where == "profile demo"
    assert caught.value.exit_code == 2


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_config({"source": "", "selection": {"rule": "x", "keep": 2}}, where="here")
    assert [field in caught.value.what for field in ("source", "selection.rule", "selection.keep")] == [True] * 3


@pytest.mark.parametrize("value", [0, 10, 5, 5.5, "7", -0.0])
def test_a_threshold_on_the_scale_is_taken(value):
    assert 0 <= SelectionConfig(sensibility_threshold=value).sensibility_threshold <= 10


def test_overrides_lie_over_the_profile_and_leave_the_rest():
    config = load_profile("demo", {"expert": {"seed": 7}, "source": "mine.csv"})
    assert (config.expert.seed, config.source) == (7, "mine.csv")
    assert config.expert.base_model == load_profile("demo").expert.base_model


def test_merging_goes_group_by_group_and_changes_neither_side():
    base, changes = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 5}, "d": {"e": 1}}
    assert merge(base, changes) == {"a": {"b": 1, "c": 5}, "d": {"e": 1}}
    assert (base, changes) == ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 5}, "d": {"e": 1}})


def test_the_defaults_evaluate_every_system_and_train_every_control():
    config = ExperimentConfig()
    assert set(config.evaluation.systems) == set(get_args(SystemName))
    assert set(config.controls) == set(get_args(ControlName))
    assert set(config.controls) < set(config.evaluation.systems)


def test_a_system_that_is_named_twice_is_evaluated_once():
    config = load_profile("smoke", {"evaluation": {"systems": ["union", "base", "union", "base"]}})
    assert config.evaluation.systems == ("union", "base")


def test_a_limit_is_not_needed():
    assert ScoringConfig().limit is None
    assert JudgeConfig().kind == "distilled"
