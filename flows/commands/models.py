"""Commands of the models side: run, train, route, evaluate, chat."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

import typer

from flows.commands.gating import GateOption, MinSeedsOption, PromoteOption, check_gate, show_gated
from flows.commands.judges_of_responses import (
    BudgetOption,
    PairwiseOption,
    ResponseJudgeOption,
    check_judges,
    choose_judges,
)
from flows.commands.judging import BaseUrlOption, JudgeOption, ModelOption, check_judge, parse_judge, use_endpoint
from flows.commands.options import HomeOption, JsonOption, VerboseOption, drop_unset, run_command, use_home
from flows.commands.overrides import SetOption, parse_overrides


class ExpertName(StrEnum):
    """The experts; typer takes several values of an enumeration, and none of a Literal."""

    SENSIBILITY = "sensibility"
    RATIONALITY = "rationality"


class ControlName(StrEnum):
    """The controls."""

    FULL = "full"
    RANDOM = "random"
    LENGTH_MATCHED = "length-matched"
    UNION = "union"


ProfileOption = Annotated[str, typer.Option(help="Profile of the experiment: demo, smoke or paper.")]
BaseModelOption = Annotated[
    str | None, typer.Option(help="Base model: hub id, folder, 'gemma-3-270m' or 'tiny-llama'.")
]
MaxStepsOption = Annotated[int | None, typer.Option(min=1, help="Stop each training after this many steps.")]
MaxMinutesOption = Annotated[
    float | None,
    typer.Option(min=0, help="Longest time for one training; it stops at a checkpoint, and the next run goes on."),
]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed of training and evaluation.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (run, train, route, evaluate, chat):
        app.command()(command)


def run(
    source: Annotated[str | None, typer.Argument(help="Path, directory, URL, or a name \\[default: sample].")] = None,
    profile: ProfileOption = "demo",
    judge: JudgeOption = "distilled",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    threshold: Annotated[float | None, typer.Option(help="Both thresholds, 0 to 10.")] = None,
    base_model: BaseModelOption = None,
    max_steps: MaxStepsOption = None,
    seed: SeedOption = None,
    set_fields: SetOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the whole method: ingest, score, select, train, route, evaluate, report."""
    from flows.commands.data import absolute_source, check_source
    from flows.commands.results import show_run

    use_home(home)
    use_endpoint(base_url)
    overrides: dict[str, Any] = {"judge": parse_judge(judge, model=model).model_dump()}
    if source is not None:
        check_source(source)
        overrides["source"] = absolute_source(source)
    if threshold is not None:
        overrides["selection"] = {"sensibility_threshold": threshold, "rationality_threshold": threshold}
    options: dict[str, Any] = {"base_model": base_model, "max_steps": max_steps, "seed": seed, "set_fields": set_fields}
    config = load_config(profile, overrides, **options)
    check_judge(config.judge)
    check_base(config)
    check_judges(config)
    refs = run_command("efficient_empathy", as_json=json, verbose=verbose, config=config)
    show_run(refs, as_json=json)


def train(
    experts: Annotated[list[ExpertName] | None, typer.Argument(help="Experts \\[default: both].")] = None,
    control: Annotated[list[ControlName] | None, typer.Option(help="Control to train beside them.")] = None,
    profile: ProfileOption = "demo",
    base_model: BaseModelOption = None,
    max_steps: MaxStepsOption = None,
    max_minutes: MaxMinutesOption = None,
    seed: SeedOption = None,
    set_fields: SetOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Fine-tune experts, and controls, on the subsets selected last."""
    from flows.commands.results import show_models

    use_home(home)
    options: dict[str, Any] = {"base_model": base_model, "max_steps": max_steps, "seed": seed, "set_fields": set_fields}
    config = load_config(profile, {}, **options)
    check_base(config)
    check_subsets()
    chosen = experts or ([] if control else list(ExpertName))
    names = tuple(dict.fromkeys(name.value for name in (*chosen, *(control or []))))
    limits = {"max_minutes": max_minutes}
    refs = run_command("train_experts", as_json=json, verbose=verbose, config=config, adapters=names, **limits)
    show_models(refs, as_json=json)


def route(
    train: Annotated[
        Literal["router", "router+experts", "released"] | None,
        typer.Option(help="What is trained; released: gates and the experts' gate_proj."),
    ] = None,
    routing: Annotated[Literal["block", "linear"] | None, typer.Option(help="One gate a block, or a linear.")] = None,
    data: Annotated[
        Literal["union", "all", "sensibility"] | None,
        typer.Option(help="Turns to learn from: of both experts, all, or of one."),
    ] = None,
    init: Annotated[
        Literal["normal", "data"] | None, typer.Option(help="First gates: random, or from each expert's turns.")
    ] = None,
    profile: ProfileOption = "demo",
    base_model: BaseModelOption = None,
    max_steps: MaxStepsOption = None,
    max_minutes: MaxMinutesOption = None,
    seed: SeedOption = None,
    set_fields: SetOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Join the two experts in a mixture and train its router."""
    from flows.commands.results import show_models

    use_home(home)
    overrides = {"router": drop_unset(train=train, routing=routing, data=data, init=init)}
    options: dict[str, Any] = {"base_model": base_model, "max_steps": max_steps, "seed": seed, "set_fields": set_fields}
    config = load_config(profile, overrides, **options)
    check_base(config)
    check_subsets()
    limits = {"max_minutes": max_minutes}
    ref = run_command("train_router", as_json=json, verbose=verbose, config=config, **limits)
    show_models({"mixture": ref}, as_json=json)


def evaluate(
    systems: Annotated[list[str] | None, typer.Argument(help="Systems to compare \\[default: the profile's].")] = None,
    profile: ProfileOption = "demo",
    base_model: BaseModelOption = None,
    max_steps: MaxStepsOption = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(min=0, help="Longest time for one training, or one system's turns; the next run goes on."),
    ] = None,
    seed: SeedOption = None,
    set_fields: SetOption = None,
    judge: ResponseJudgeOption = None,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    pairwise: PairwiseOption = False,
    max_cost: BudgetOption = None,
    gate: GateOption = False,
    min_seeds: MinSeedsOption = None,
    promote: PromoteOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare the models on held-out dialogues; what is named and not trained yet is trained first.

    Beside the systems named stand the controls that a claim about them needs, if they are trained.
    """
    from flows.commands.results import show_evaluation

    use_home(home)
    use_endpoint(base_url)
    check_systems(systems or [])
    compared = {**choose_judges(judge, model, is_pairwise=pairwise), **drop_unset(systems=systems or None)}
    overrides: dict[str, Any] = {"evaluation": compared, "scoring": drop_unset(max_cost_usd=max_cost)}
    overrides["gate"] = drop_unset(min_seeds=min_seeds)
    if systems:
        overrides["controls"] = []
    options: dict[str, Any] = {"base_model": base_model, "max_steps": max_steps, "seed": seed, "set_fields": set_fields}
    config = load_config(profile, overrides, **options)
    check_base(config)
    check_judges(config, max_cost)
    check_gate(config, gate=gate, min_seeds=min_seeds, promote=promote)
    check_subsets()
    limits = {"max_minutes": max_minutes}
    ref = run_command("evaluate_models", as_json=json, verbose=verbose, config=config, **limits)
    if gate:
        show_gated(ref, config, as_json=json, verbose=verbose, promote=promote, **limits)
    else:
        show_evaluation(ref, as_json=json)


def chat(
    model: Annotated[str, typer.Argument(help="base, mixture, accepted, an expert or a control.")] = "mixture",
    max_new_tokens: Annotated[int, typer.Option(min=1, max=2048, help="Longest answer.")] = 64,
    routing: Annotated[
        bool, typer.Option("--routing", help="Show which expert spoke: each token coloured by its gate.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Talk with a model in the terminal; an empty line ends it."""
    from flows.chatting import open_chat
    from flows.commands.routing_view import show_response
    from flows.terminal import say

    use_home(home)
    say(f"loading {model} …")
    answer = open_chat(model, max_new_tokens, has_routing=routing)
    say("Tell it what happened. An empty line ends the conversation.")
    utterances: list[str] = []
    while text := read_line("you: "):
        utterances.append(text)
        said = answer(utterances)
        utterances.append(said.text)
        if routing:
            show_response(model, said.tokens, said.experts)
        else:
            print(f"{model}: {said.text}")


def read_line(prompt: str) -> str:
    """Return what the person types; nothing at the end of the input."""
    try:
        return input(prompt).strip()
    except EOFError:
        return ""


def load_config(
    profile: str,
    overrides: dict[str, Any],
    *,
    base_model: str | None,
    max_steps: int | None,
    seed: int | None,
    set_fields: list[str] | None,
) -> Any:
    """Return the profile with what the command line says laid over it; `--set` is the last word."""
    from tasks.config import load_profile, merge

    given = {
        "expert": drop_unset(base_model=base_model, max_steps=max_steps, seed=seed),
        "router": drop_unset(max_steps=max_steps, seed=seed),
        "evaluation": drop_unset(seed=seed),
    }
    said = merge(overrides, {name: part for name, part in given.items() if part})
    return load_profile(profile, merge(said, parse_overrides(set_fields or [])))


def check_systems(systems: list[str]) -> None:
    """Refuse a name that is no system."""
    from tasks.config import SystemName
    from tasks.errors import UsageError

    if unknown := [name for name in systems if name not in get_args(SystemName)]:
        raise UsageError(
            f"There is no system {unknown[0]!r}.",
            where="evaluation.systems",
            do=f"choose from: {', '.join(get_args(SystemName))}",
        )


def check_subsets() -> None:
    """Refuse to start anything where nothing was selected."""
    from tasks.experts import find_current_subsets
    from tasks.home import open_home

    find_current_subsets(open_home().artifacts)


def check_base(config: Any) -> None:
    """Refuse a base model that cannot be had, and trackers, before hours are spent on the way to them."""
    from tasks.experts import check_base, check_trackers
    from tasks.settings import Settings

    check_base(config.expert.base_model)
    check_trackers(Settings().trackers)
