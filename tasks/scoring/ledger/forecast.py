"""What a plan will cost and how long it will take, from what this judge's calls have used so far."""

from __future__ import annotations

import math
from importlib import resources
from typing import TYPE_CHECKING, Literal, NamedTuple

import duckdb
from pydantic import BaseModel, ConfigDict

from tasks.config import ScoringConfig
from tasks.schema import Turn
from tasks.scoring.identity import JudgeIdentity
from tasks.scoring.ledger.commit import FREE_KINDS
from tasks.scoring.ledger.pricing import Price
from tasks.scoring.planning import Plan
from tasks.scoring.prompting import build_messages
from tasks.scoring.reasons import TERMINAL
from tasks.scoring.rubric import parse_rubric

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MIN_MEASURED_TURNS = 20
CONFIDENCE = 0.95
CHARACTERS_PER_TOKEN = 4
"""Of English text; used only where nothing was measured."""

Limit = Literal["requests_per_minute", "tokens_per_minute", "max_concurrency"]

# Each utterance stands on a line of its own behind its role.
_COUNT_CHARACTERS = (
    "CREATE OR REPLACE TEMP MACRO characters_of(prompt, response) AS "
    "coalesce(list_sum(list_transform(prompt, lambda said: length(said.content) + 10)), 0) + length(response)"
)


class Forecast(BaseModel):
    """What the pending turns of a plan will take; figures that nobody can know are None, and `notes` say why."""

    model_config = ConfigDict(frozen=True)

    n_turns: int
    is_measured: bool
    """Whether the figures come of this judge's own calls."""
    n_measured_turns: int = 0
    """Turns that they come of."""
    calls_per_turn: float = 0.0
    """Calls until a turn has a score, or a reason that stays."""
    n_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    """Not measured: the most there can be."""
    cost_usd: float | None = None
    """Not measured: with the most tokens that can come out."""
    cost_low_usd: float | None = None
    cost_high_usd: float | None = None
    """The 95 % prediction interval; not measured: without any output, and with the most."""
    seconds: float | None = None
    binding_limit: Limit | None = None
    """Which of the limits makes it take that long."""
    notes: tuple[str, ...] = ()


class TurnUsage(NamedTuple):
    """What all the calls for one turn came to."""

    n_characters: int
    n_calls: int
    n_timed: int
    """Calls whose latency is known: those of a batch have none."""
    latency_s: float
    tokens_in: int | None
    tokens_cached: int | None
    tokens_out: int | None


def forecast_cost(
    connection: duckdb.DuckDBPyConnection,
    judge: JudgeIdentity,
    plan: Plan,
    price: Price | None,
    scoring: ScoringConfig,
    *,
    is_batch: bool = False,
) -> Forecast:
    """Say what the plan's turns will take with the judge: from its own calls, or roughly where it made too few."""
    if judge.kind in FREE_KINDS:
        return Forecast(
            n_turns=plan.n_turns, is_measured=False, cost_usd=0.0, cost_low_usd=0.0, cost_high_usd=0.0,
            notes=("This judge asks nobody: it costs nothing.",),
        )  # fmt: skip
    n_characters, done = _read_ledger(connection, judge.judge_id, plan)
    measured = [turn for turn in done if turn.tokens_in is not None and turn.tokens_out is not None]
    notes: list[str] = []
    if len(measured) >= MIN_MEASURED_TURNS:
        forecast = _measure(measured, plan.n_turns, n_characters, price, is_batch=is_batch)
        n_timed = sum(turn.n_timed for turn in measured)
        latency_s = sum(turn.latency_s for turn in measured) / n_timed if n_timed else None
    else:
        forecast = _estimate(judge, plan.n_turns, n_characters, price, is_batch=is_batch)
        latency_s = None
        notes.append(
            "A rough estimate: the endpoint does not say how many tokens its calls use."
            if len(done) >= MIN_MEASURED_TURNS
            else f"A rough estimate: this judge has scored fewer than {MIN_MEASURED_TURNS} turns; --pilot measures."
        )
    if price is None:
        notes.append(f"No price is known for the model {judge.model}, so neither is the cost.")
    if is_batch:
        notes.append("A batch is answered within 24 hours.")
        return forecast.model_copy(update={"notes": tuple(notes)})
    seconds, limit = _find_binding_limit(forecast, latency_s, scoring)
    return forecast.model_copy(update={"notes": tuple(notes), "seconds": seconds, "binding_limit": limit})


def predict_total(given: ArrayLike, seen: ArrayLike, n_new: int, given_new: float) -> tuple[float, float]:
    """Return the sum over `n_new` new cases, and half the width of its 95 % prediction interval.

    The deviation is that of the cases and of one more, twice as large as the mean: without it, the interval
    after 20 turns of which none happened to be asked twice held the truth in four simulations of five.

    A straight line through the `m` cases (given, seen), given those that are new add up to `given_new`.
    With its residuals' deviation s, the sum's error has the variance
    s^2 (n + n^2/m + (given_new - n mean(given))^2 / Sxx): n new residuals, and n times the line's own error
    (Draper and Smith, Applied Regression Analysis, 1.4, for one new case).
    """
    import numpy as np
    from scipy.stats import t

    x, y = np.asarray(given, float), np.asarray(seen, float)
    away = x - x.mean()
    sxx = float(away @ away)
    slope = float(away @ y) / sxx if sxx else 0.0
    residuals = y - y.mean() - slope * away
    n_free = len(x) - (2 if sxx else 1)
    deviation = math.sqrt((float(residuals @ residuals) + float(y.mean()) ** 2) / (n_free + 1))
    shift = given_new - n_new * float(x.mean())
    spread = math.sqrt(n_new + n_new**2 / len(x) + (shift**2 / sxx if sxx else 0.0))
    half = float(t.ppf((1 + CONFIDENCE) / 2, n_free)) * deviation * spread
    return n_new * float(y.mean()) + slope * shift, half


def _read_ledger(connection: duckdb.DuckDBPyConnection, judge_id: str, plan: Plan) -> tuple[int, list[TurnUsage]]:
    """Return the characters of the pending turns, and what the judge used for each turn that it is done with."""
    connection.execute(_COUNT_CHARACTERS)
    pending = connection.execute(
        "SELECT coalesce(sum(characters_of(prompt, response)), 0)::BIGINT FROM read_parquet($file)",
        {"file": str(plan.path)},
    ).fetchone()
    query = (resources.files("tasks.scoring.ledger") / "forecast.sql").read_text(encoding="utf-8")
    done = connection.execute(query, {"judge_id": judge_id, "terminal": list(TERMINAL)}).fetchall()
    return pending[0] if pending else 0, [TurnUsage(*row) for row in done]


def _measure(
    turns: list[TurnUsage], n_turns: int, n_characters: int, price: Price | None, *, is_batch: bool
) -> Forecast:
    characters = [turn.n_characters for turn in turns]
    tokens_in, _ = predict_total(characters, [turn.tokens_in or 0 for turn in turns], n_turns, n_characters)
    tokens_out, _ = predict_total(characters, [turn.tokens_out or 0 for turn in turns], n_turns, n_characters)
    n_calls = sum(turn.n_calls for turn in turns)
    forecast = Forecast(
        n_turns=n_turns,
        is_measured=True,
        n_measured_turns=len(turns),
        calls_per_turn=n_calls / len(turns),
        n_calls=-(-n_turns * n_calls // len(turns)),
        tokens_in=max(0, round(tokens_in)),
        tokens_out=max(0, round(tokens_out)),
    )
    if price is None:
        return forecast
    costs = [price.cost_of(*turn[4:], is_batch=is_batch) or 0.0 for turn in turns]
    cost, half = predict_total(characters, costs, n_turns, n_characters)
    bounds = {"cost_usd": cost, "cost_low_usd": cost - half, "cost_high_usd": cost + half}
    return forecast.model_copy(update={name: max(0.0, usd) for name, usd in bounds.items()})


def _estimate(
    judge: JudgeIdentity, n_turns: int, n_characters: int, price: Price | None, *, is_batch: bool
) -> Forecast:
    rubric = parse_rubric(judge.rubric_text)
    frame = sum(len(message["content"]) for message in build_messages(rubric, Turn("", (), ""), "schema"))
    tokens_in = math.ceil((n_characters + n_turns * frame) / CHARACTERS_PER_TOKEN)
    tokens_out = n_turns * rubric.max_output_tokens * int(judge.parameters.get("n_samples", 1))
    most = price.cost_of(tokens_in, 0, tokens_out, is_batch=is_batch) if price else None
    return Forecast(
        n_turns=n_turns,
        is_measured=False,
        calls_per_turn=1.0,
        n_calls=n_turns,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_usd=most,
        cost_low_usd=price.cost_of(tokens_in, 0, 0, is_batch=is_batch) if price else None,
        cost_high_usd=most,
    )


def _find_binding_limit(
    forecast: Forecast, latency_s: float | None, scoring: ScoringConfig
) -> tuple[float | None, Limit | None]:
    """Return the seconds that the calls take, and which limit makes it so; None where no limit tells."""
    seconds: dict[Limit, float] = {}
    if scoring.requests_per_minute:
        seconds["requests_per_minute"] = forecast.n_calls * 60 / scoring.requests_per_minute
    if scoring.tokens_per_minute:
        seconds["tokens_per_minute"] = (forecast.tokens_in + forecast.tokens_out) * 60 / scoring.tokens_per_minute
    if latency_s is not None:
        seconds["max_concurrency"] = math.ceil(forecast.n_calls / scoring.max_concurrency) * latency_s
    limit = max(seconds, key=lambda name: seconds[name], default=None)
    return (seconds[limit], limit) if limit else (None, None)
