"""The drift gate of `empathy score`: over which anchors, and what it adds to a forecast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import refuse_empty
from tasks.bounded import check_place
from tasks.errors import ArtifactError, UsageError

if TYPE_CHECKING:
    from tasks.judges import RegressionConfig
    from tasks.scoring import Forecast

GateAnchorsOption = Annotated[
    str | None,
    typer.Option(
        "--anchors",
        metavar="FOLDER|FILE",
        help="With --drift-gate: anchors of your own, or 'ours' \\[default: those of the judge's accepted run].",
        show_default=False,
    ),
]


def choose_gate(config: Any, anchors: str | None, *, drift_gate: bool) -> RegressionConfig:
    """Return what the gate of a run holds the judge to: the anchors that are named, else those that are accepted.

    Raises UsageError for anchors without a gate, and where runs over several sets are accepted and none is named.
    """
    from tasks.home import open_home
    from tasks.judges import RegressionConfig, choose_anchors
    from tasks.scoring import identify_judge

    if anchors is not None:
        if not drift_gate:
            raise UsageError("--anchors belongs to the drift gate.", do="give it with --drift-gate")
        return RegressionConfig(anchors=find_anchors(anchors))
    if not drift_gate:
        return RegressionConfig()
    home = open_home()
    return RegressionConfig(
        anchors=choose_anchors(home.artifacts, identify_judge(config, home.settings.judge_base_url))
    )


def find_anchors(anchors: str | None) -> str:
    """Return the place of anchors as another process finds it; nothing for those of this project."""
    from tasks.judges import OURS, expand_home

    refuse_empty(anchors=anchors)
    if anchors is None or anchors == OURS:
        return ""
    return str(expand_home(check_place(anchors, "--anchors")).absolute())


def add_gate(forecast: Forecast, config: Any, regression: RegressionConfig) -> Forecast:
    """Return a forecast with what the drift gate will do, and take. Raises ConfigError for a judge that has none."""
    from tasks.home import open_home
    from tasks.judges import derive_cases, find_pass, read_anchors
    from tasks.scoring import identify_judge

    if not forecast.n_turns:
        return forecast
    home = open_home()
    base_url = home.settings.judge_base_url
    try:
        note = find_pass(home.artifacts, config, identify_judge(config, base_url), base_url, regression)
    except ArtifactError as error:
        note = f"The drift gate would stop it. {error.what} Do: {error.do}"
    if not note:
        n_turns = len({case.turn.turn_key for case in derive_cases(read_anchors(regression.anchors))})
        n_calls = math.ceil(n_turns * (forecast.calls_per_turn or 1))
        cost = "" if forecast.cost_usd is None else f", about {forecast.cost_usd / forecast.n_turns * n_turns:,.4f} USD"
        note = f"The drift gate asks about {n_turns:,} anchors and variants first: {n_calls:,} calls{cost} more."
    return forecast.model_copy(update={"notes": (*forecast.notes, note)})
