"""How long to wait and what the limits are: read from what endpoints really send, and from nonsense."""

import math
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scoring.engine.headers import LONGEST_WAIT_S, Limits, read_duration, read_limits, read_wait


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None), ({"retry-after": "2"}, 2.0), ({"retry-after": "0.5"}, 0.5), ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5), ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None), ({"retry-after": "inf"}, LONGEST_WAIT_S),
        ({"retry-after": "1e9"}, LONGEST_WAIT_S), ({"retry-after": "soon"}, None), ({"retry-after": ""}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0), ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
        ({"retry-after": "2", "x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "0"}, 2.0),
    ],
)  # fmt: skip
def test_how_long_to_wait_is_read_from_the_headers(headers, expected):
    assert read_wait(headers) == expected


def test_a_date_to_wait_for_is_read_too():
    wait = read_wait({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert 58 < wait <= 60


@pytest.mark.parametrize(
    ("remaining", "expected"),
    [
        ({"requests": "0", "tokens": "149000"}, 1.0), ({"requests": "59", "tokens": "0"}, 360.0),
        ({"requests": "0", "tokens": "0"}, 360.0), ({"requests": "59", "tokens": "149000"}, None),
        ({"requests": "0"}, 360.0), ({}, 360.0),
    ],
)  # fmt: skip
def test_of_the_resets_only_those_of_what_is_used_up_count(remaining, expected):
    """Those of what the endpoint does not tell count too: it refused us for one of them."""
    resets = {"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}
    told = {f"x-ratelimit-remaining-{name}": value for name, value in remaining.items()}
    assert read_wait(resets | told) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("0s", 0.0), ("7.66s", 7.66),
        ("1m30.951s", 90.951), ("1d", LONGEST_WAIT_S), ("23h59m", 86340.0), ("12", 12.0), (" 2s ", 2.0),
        ("", None), ("s", None), ("soon", None), ("1s later", None), ("-1s", None), ("1x", None),
        ("9999d", LONGEST_WAIT_S), ("2026-11-22T04:45:16Z", None),
    ],
)  # fmt: skip
def test_durations_are_read_as_openai_writes_them(text, seconds):
    assert read_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("requests", "tokens", "expected"),
    [
        ("600", "150000", Limits(600.0, 150000.0)), ("0", "-1", Limits()), ("many", "nan", Limits()),
        (None, "40000", Limits(math.inf, 40000.0)),
    ],
)  # fmt: skip
def test_limits_are_numbers_above_nothing_or_not_told(requests, tokens, expected):
    headers = {"x-ratelimit-limit-requests": requests, "x-ratelimit-limit-tokens": tokens}
    assert read_limits({name: value for name, value in headers.items() if value is not None}) == expected


NAMES = ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens",
         "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-limit-requests",
         "x-ratelimit-limit-tokens"]  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=20), st.from_regex(r"(\d{1,6}(\.\d+)?(ms|s|m|h|d)){1,3}", fullmatch=True),
    st.floats().map(str), st.integers().map(str), st.datetimes().map(lambda when: when.strftime("%a, %d %b %Y %T GMT")),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_no_header_raises_or_makes_us_wait_for_ever(headers):
    wait, limits = read_wait(headers), read_limits(headers)
    assert wait is None or 0 <= wait <= LONGEST_WAIT_S
    assert limits.requests_per_minute > 0
    assert limits.tokens_per_minute > 0
