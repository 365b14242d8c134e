"""What calls cost: a table of prices by model, the shipped one under the user's own; no price is ever guessed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tasks.config import describe_errors
from tasks.errors import ConfigError

TOKENS_PER_PRICE = 1_000_000

_DATED_NAME = re.compile(r"(?P<name>.+)-20\d\d(?P<dash>-?)(?:0[1-9]|1[0-2])(?P=dash)(?:0[1-9]|[12]\d|3[01])", re.ASCII)


def _check_number(value: Any) -> Any:
    if isinstance(value, bool | str):  # pydantic would read "0.15", and true as 1
        raise ValueError("is not a number")
    return value


Usd = Annotated[Decimal, BeforeValidator(_check_number), Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """USD per million tokens of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Usd
    output: Usd
    cached: Usd | None = None
    """Of input tokens that the endpoint had in its cache; None: the same as `input`."""
    batch: Usd = Field(default=Decimal("0.5"), le=1)
    """Factor on all of them for the batch API."""

    @model_validator(mode="after")
    def _cache_saves(self) -> Price:
        if self.cached is not None and self.cached > self.input:
            raise ValueError(f"cached={self.cached} is above input={self.input}")
        return self

    def cost_of(
        self, tokens_in: int | None, tokens_cached: int | None, tokens_out: int | None, *, is_batch: bool = False
    ) -> float | None:
        """Return the cost of a call in USD; None where the endpoint did not say how many tokens went in and out.

        Cached tokens are part of `tokens_in` and are charged once, at their own price.
        """
        if tokens_in is None or tokens_out is None:
            return None
        cached = min(tokens_cached or 0, tokens_in)
        price_cached = self.input if self.cached is None else self.cached
        cost = (tokens_in - cached) * self.input + cached * price_cached + tokens_out * self.output
        return float(cost * (self.batch if is_batch else 1) / TOKENS_PER_PRICE)


class PriceTable(BaseModel):
    """Prices by the name of the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date | None = None
    """The day on which the prices held."""
    source: str = ""
    models: Mapping[str, Price] = Field(default_factory=dict)

    def find(self, model: str) -> Price | None:
        """Return the price of a model, or of the one that it is a dated version of; None where neither is known."""
        dated = _DATED_NAME.fullmatch(model)
        return self.models.get(model) or (self.models.get(dated["name"]) if dated else None)


def load_prices(own: Path) -> PriceTable:
    """Return the shipped prices with those of the user's own file, if there is one, laid over them.

    Raises ConfigError where that file cannot be read or says what is no price.
    """
    shipped = _parse((resources.files("tasks.scoring") / "prices.toml").read_bytes(), "prices.toml")
    if not own.exists():
        return shipped
    try:
        source = own.read_bytes()
    except OSError as error:
        raise ConfigError(f"The prices cannot be read: {error.strerror}.", where=str(own)) from None
    mine = _parse(source, str(own))
    return shipped.model_copy(update={"models": {**shipped.models, **mine.models}})


def _parse(source: bytes, where: str) -> PriceTable:
    advice = 'a line like "gpt-4o-mini" = { input = 0.15, cached = 0.075, output = 0.60 } under [models], USD a million'
    try:
        return PriceTable.model_validate(tomllib.loads(source.decode(), parse_float=Decimal))
    except ValidationError as error:
        raise ConfigError(describe_errors(error), where=where, do=advice) from None
    except ValueError as error:  # of the encoding, or of TOML
        raise ConfigError(f"The prices are not TOML: {error}", where=where, do=advice) from None
