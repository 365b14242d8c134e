"""What an endpoint's response headers say about time: how long to wait, and what its limits are."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

LONGEST_WAIT_S = 86_400.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests and tokens a minute that an endpoint tells; infinite where it does not."""

    requests_per_minute: float = math.inf
    tokens_per_minute: float = math.inf


def read_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds an endpoint asks us to wait, or None.

    From `retry-after-ms`, else `retry-after` (seconds or a date), else the `x-ratelimit-reset-*` of what is used up
    (`x-ratelimit-remaining-*` is 0, or not told), the longest of them: that is when a whole minute's budget is back.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        wait = _read_seconds(headers.get(name), unit)
        if wait is not None:
            return wait
    resets = [
        wait
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}", "0").strip() in ("0", "0.0")
        and (wait := read_duration(headers.get(f"x-ratelimit-reset-{kind}", ""))) is not None
    ]
    return max(resets, default=None)


def read_limits(headers: Mapping[str, str]) -> Limits:
    """Return the limits a minute that `x-ratelimit-limit-requests` and `-tokens` tell."""
    return Limits(
        _read_limit(headers.get("x-ratelimit-limit-requests")), _read_limit(headers.get("x-ratelimit-limit-tokens"))
    )


def read_duration(text: str) -> float | None:
    """Return the seconds of `1s`, `6m0s`, `20ms`, `1h2m3.5s`, or of a bare number; None for anything else."""
    text = text.strip()
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return _check(sum(float(number) * _SECONDS[unit] for number, unit in parts))
    return _read_seconds(text, 1.0, is_date=False)


def _read_limit(text: str | None) -> float:
    try:
        limit = float(text or "")
    except ValueError:
        return math.inf
    return limit if limit > 0 else math.inf


def _read_seconds(text: str | None, unit: float, *, is_date: bool = True) -> float | None:
    if text is None:
        return None
    try:
        return _check(float(text) * unit)
    except ValueError:
        pass
    try:
        return _check(max(0.0, parsedate_to_datetime(text).timestamp() - time.time())) if is_date else None
    except ValueError:
        return None


def _check(seconds: float) -> float | None:
    return min(seconds, LONGEST_WAIT_S) if seconds >= 0 else None  # a NaN is no wait
