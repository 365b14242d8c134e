"""What `empathy score --dry-run` says: the pending turns, what they would cost, and how long they would take."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.guarding import add_gate

if TYPE_CHECKING:
    from tasks.config import JudgeConfig, ScoringConfig
    from tasks.judges import RegressionConfig
    from tasks.scoring import Forecast

LIMITS = {
    "requests_per_minute": "the requests a minute",
    "tokens_per_minute": "the tokens a minute",
    "max_concurrency": "the calls in flight",
}


def forecast_run(config: JudgeConfig, scoring: ScoringConfig, gate: RegressionConfig) -> Forecast:
    """Plan the run as it would be, and forecast it, its drift gate too; asks nobody and changes nothing."""
    from tasks.home import open_home
    from tasks.scoring import PRICES_FILE, forecast_cost, identify_judge, load_prices, plan_scoring

    home = open_home()
    identity = identify_judge(config, home.settings.judge_base_url)
    price = load_prices(home.settings.home_dir / PRICES_FILE).find(identity.model)
    files = home.turn_files(home.list_corpus())
    is_batch = config.kind == "openai-batch"
    with tempfile.TemporaryDirectory() as folder, home.store.transaction() as connection:
        plan_file = Path(folder) / "plan.parquet"
        plan = plan_scoring(connection, files, identity.judge_id, scoring, plan_file, config.replies_file)
        forecast = forecast_cost(connection, identity, plan, price, scoring, is_batch=is_batch)
    return add_gate(forecast, config, gate) if scoring.drift_gate else forecast


def show_forecast(forecast: Forecast, *, as_json: bool) -> None:
    """Print a forecast."""
    from flows.terminal import Listing, show_result

    rows: list[tuple[str, object]] = [("pending turns", forecast.n_turns)]
    if forecast.is_measured:
        rows.append(("calls", f"{forecast.n_calls:,} ({forecast.calls_per_turn:.2f} a turn)"))
    if forecast.tokens_in:
        rows.append(("tokens", f"{forecast.tokens_in:,} in, {forecast.tokens_out:,} out"))
    rows.append(("cost", describe_cost(forecast)))
    if forecast.seconds is not None and forecast.binding_limit:
        rows.append(("time", f"{describe_seconds(forecast.seconds)}, set by {LIMITS[forecast.binding_limit]}"))
    if forecast.is_measured:
        rows.append(("measured on", f"{forecast.n_measured_turns:,} turns of this judge"))
    rows += [("note", note) for note in forecast.notes]
    show_result(forecast.model_dump(), as_json=as_json, tables=[Listing("If it were run", rows)])


def describe_cost(forecast: Forecast) -> str:
    """Return the cost with its interval."""
    if forecast.cost_usd is None:
        return "not known"
    low, high = forecast.cost_low_usd or 0.0, forecast.cost_high_usd or 0.0
    if not high:
        return "0 USD"
    kind = "95 % interval" if forecast.is_measured else "roughly"
    return f"{forecast.cost_usd:,.4f} USD ({kind} {low:,.4f} to {high:,.4f})"


def describe_seconds(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
