"""`empathy select`: options that belong to a rule, the looks that change nothing, and a selection that is verified."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from flows.commands.looking import check_looks
from flows.commands.select import build_selection
from tasks.errors import UsageError

Empathy = Callable[..., CompletedProcess[str]]
NO_LOOK = {"explain": None, "show": None, "verify": None}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rule": "quantile"}, "needs --keep"),
        ({"rule": "top-k"}, "needs --top-k"),
        ({"keep": 0.5}, "--keep does not belong to the rule paper"),
        ({"rule": "quantile", "keep": 0.5, "sensibility_threshold": 5.0}, "--sensibility-threshold does not belong"),
        ({"rule": "released", "k_sd": 1.0}, "--k-sd does not belong"),
        ({"rule": "top-k", "top_k": 5, "keep": 0.5}, "--keep does not belong"),
        ({"rule": "paper", "axis": "sensibility"}, "--axis does not belong"),
    ],
)
def test_an_option_of_another_rule_is_refused_even_with_its_default(given: dict, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_selection(given)
    assert said in caught.value.what
    assert "--" in caught.value.do


@pytest.mark.parametrize(
    "given",
    [
        {}, {"rule": "quantile", "keep": 0.59, "axis": "rationality"}, {"rule": "top-k", "top_k": 3},
        {"rule": "lower-bound", "k_sd": 0.5, "sensibility_threshold": 6.0}, {"near_duplicates": 0.8, "min_words": 2},
    ],
)  # fmt: skip
def test_options_that_belong_together_are_taken(given: dict) -> None:
    selection = build_selection(given)
    assert {name: getattr(selection, name) for name in given} == given


@pytest.mark.parametrize(
    "looks",
    [
        {"preview": True, "show": 3}, {"preview": True, "accept": True}, {"explain": "x", "verify": "abcdef"},
        {"emotion": "sad"}, {"verify": "abcdef", "given": {"keep": 0.5}},
    ],
)  # fmt: skip
def test_looks_that_do_not_go_together_are_refused(looks: dict) -> None:
    with pytest.raises(UsageError):
        check_looks(**{"preview": False, "emotion": None, "given": {}, **NO_LOOK, **looks})


def test_a_selection_is_made_explained_shown_and_verified_until_it_is_changed(empathy: Empathy) -> None:
    empathy("ingest", "sample")
    empathy("score")
    options = ("--rule", "quantile", "--keep", "0.3", "--near-duplicates", "0.9", "--min-words", "2")
    made = json.loads(empathy("select", *options, "--json").stdout)
    previewed = json.loads(empathy("select", *options, "--preview", "--json").stdout)
    assert {name: made[name] for name in previewed} == previewed

    examples = json.loads(empathy("select", *options, "--show", "2", "--json").stdout)["examples"]
    assert [row["is_selected"] for row in examples] == [True, True, False, False]
    explained = empathy("select", *options, "--explain", examples[0]["turn"]).stdout
    assert f"Turn {examples[0]['turn']} " in explained
    assert f"goes to {examples[0]['subset']} because of " in explained

    verified = json.loads(empathy("select", "--verify", made["digest"], "--json").stdout)
    assert (verified["uri"], verified["differences"]) == (made["uri"], [])
    file = Path(made["uri"]) / "sensibility.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    done = empathy("select", "--verify", made["config_digest"], check=False)
    assert done.returncode == 1
    assert "sensibility.parquet is not the file that the manifest lists" in done.stdout
