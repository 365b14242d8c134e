"""A judge as it is named on the command line, checked before anything is started for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flows.commands.options import drop_unset
from tasks.bounded import check_place
from tasks.errors import ConfigError

CHOICES = "distilled, openai, openai-batch, replies:FILE; for `empathy score` also active"
KINDS = ("distilled", "openai", "openai-batch", "replies")

JudgeOption = Annotated[str, typer.Option(help="distilled, openai, openai-batch, active, or replies:FILE.")]
ModelOption = Annotated[str | None, typer.Option(help="Model the judge's endpoint is asked for.")]
BaseUrlOption = Annotated[str | None, typer.Option(help="OpenAI-compatible endpoint of the judge.")]
RubricOption = Annotated[
    str | None, typer.Option(help="Rubric the judge is given: paper, anchored, or a file of your own (.md).")
]
EndpointAliasOption = Annotated[str | None, typer.Option(help="Name of the endpoint in the judge's identity.")]
MethodOption = Annotated[
    Literal["point", "logprobs", "samples"] | None,
    typer.Option(help="The score as written, its expected value, or the mean of several replies."),
]
SamplesOption = Annotated[int | None, typer.Option(min=2, max=50, help="Replies a turn, for --method samples.")]
WeightsOption = Annotated[
    str | None, typer.Option(help="With --judge distilled: weights of your own, as `empathy judge distill` makes them.")
]
EncoderOption = Annotated[str | None, typer.Option(help="With --weights: the sentence encoder that they need.")]


def use_endpoint(base_url: str | None) -> None:
    """Make `--base-url` the judge's endpoint of this process."""
    if base_url is not None:
        os.environ["EMPATHY_JUDGE_BASE_URL"] = check_place(base_url, "--base-url")


def parse_judge(judge: str, **given: Any) -> Any:
    """Return the config of a judge as it is written on the command line."""
    from tasks.config import JudgeConfig

    kind, _, file = judge.partition(":")
    if kind not in KINDS or bool(file) != (kind == "replies"):
        raise ConfigError(f"There is no judge {judge!r}.", do=f"choose {CHOICES}")
    rubric = given.get("rubric") or ""
    if rubric.endswith(".md"):
        given["rubric"] = str(Path(rubric).expanduser().absolute())
    replies = str(Path(file).expanduser().absolute()) if file else None
    if kind != "distilled" and (given.get("weights") or given.get("encoder")):
        raise ConfigError(f"--weights and --encoder are of no use to --judge {kind}.", do="give --judge distilled")
    if given.get("encoder") and not given.get("weights"):
        raise ConfigError("The bundled judge has no encoder.", do="name the weights that need it with --weights")
    for name in ("weights", "encoder"):
        if given.get(name) and Path(given[name]).expanduser().exists():  # a flow may run elsewhere on this machine
            given[name] = str(Path(given[name]).expanduser().absolute())
    return JudgeConfig(kind=kind, **drop_unset(replies_file=replies, **given))


def check_judge(config: Any, max_cost_usd: float | None = None, *, drift_gate: bool = False) -> None:
    """Refuse a judge that cannot work or be guarded, or a budget without a price, before anything is started for it."""
    from tasks.config import ScoringConfig
    from tasks.scoring import PRICES_FILE, identify_judge, load_judge, require_key, require_price
    from tasks.settings import Settings

    if drift_gate:
        from tasks.judges import refuse_unaskable

        refuse_unaskable(config)
    settings = Settings()
    identify_judge(config, settings.judge_base_url)
    if config.kind == "distilled" and config.weights:
        load_judge(config, identify_judge(config, None), settings, ScoringConfig()).close()  # its encoder is there too
    if config.kind in ("openai", "openai-batch"):
        require_key(settings)
    if max_cost_usd is not None:
        require_price(config.model, settings.home_dir / PRICES_FILE, max_cost_usd)
