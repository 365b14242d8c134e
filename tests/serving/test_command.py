"""`empathy serve` as it is run: many at once, signals, and what it refuses to start with."""

import asyncio
import signal

import openai
import psutil
import pytest

from tests.forking import run_empathy

pytestmark = pytest.mark.train
pytest.importorskip("torch")

MESSAGES = [{"role": "user", "content": "I lost my keys."}]
N_REQUESTS = 200
MAX_GROWTH = 16 * 2**20
"""Bytes of resident memory that 400 requests may add after a warm-up of 200: what the allocator keeps back varies by
about 1 MiB, while 42 kB kept for each request would show."""


async def ask_many(url, n):
    """Ask n times at once, for responses of many lengths, and return how many tokens came."""
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=50) as client:

        async def ask(number):
            done = await client.chat.completions.create(
                model="mixture", messages=[{"role": "user", "content": "Why me? " * (number % 7 + 1)}],
                max_tokens=number % 5 + 1, temperature=number % 2, seed=number, stop=["never there"],
            )  # fmt: skip
            return done.usage.completion_tokens

        return sum(await asyncio.gather(*map(ask, range(n))))


def test_200_requests_at_once_are_answered_without_an_error_or_growth(start_serving, tmp_path):
    process, url = start_serving("mixture")
    memory = psutil.Process(process.pid).memory_info
    n_tokens = asyncio.run(ask_many(url, N_REQUESTS))
    assert N_REQUESTS <= n_tokens <= 3 * N_REQUESTS
    warm = memory().rss
    for _ in range(2):
        assert asyncio.run(ask_many(url, N_REQUESTS)) == n_tokens
    assert memory().rss - warm < MAX_GROWTH
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    lines = (tmp_path / "log.txt").read_text()
    assert lines.count("status=200") == 3 * N_REQUESTS
    assert "Why me" not in lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_running_response_end_and_then_exits_0(start_serving, number):
    process, url = start_serving("mixture", "--max-tokens", "900")
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(model="mixture", messages=MESSAGES, max_tokens=300, stream=True)
        chunks = [next(stream), next(stream)]
        process.send_signal(number)
        chunks += list(stream)
        assert chunks[-1].choices[0].finish_reason in ("length", "stop")
        assert process.wait(timeout=30) == 0
        with pytest.raises(openai.APIConnectionError):
            client.models.list()


def test_a_response_that_does_not_end_in_time_is_told_so(start_serving):
    process, url = start_serving("sensibility", "--max-tokens", "900", "--shutdown-timeout", "0")
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(model="sensibility", messages=MESSAGES, max_tokens=900, stream=True)
        next(stream)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(openai.APIError, match="shutting down"):
            list(stream)
    assert process.wait(timeout=30) == 0


def test_the_key_comes_from_the_setting_or_a_named_variable(start_serving):
    for args, variables in (([], {"EMPATHY_SERVE_API_KEY": "right"}), (["--api-key-env", "MINE"], {"MINE": "right"})):
        _, url = start_serving("base", *args, **variables)
        with openai.OpenAI(base_url=url, api_key="right", max_retries=0) as client:
            assert client.chat.completions.create(model="base", messages=MESSAGES, max_tokens=1).usage.total_tokens
        with (
            openai.OpenAI(base_url=url, api_key="wrong", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError, match="key is wrong"),
        ):
            client.models.list()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["mixture", "--host", "0.0.0.0"], "--no-key"),
        (["mixture", "--api-key-env", "NOWHERE"], "NOWHERE holds no key"),
        (["mixture", "--no-key", "--api-key-env", "HOME"], "exclude each other"),
        (["nobody"], "no model 'nobody'"),
        (["mixture", "--host", "203.0.113.1", "--no-key"], "cannot listen there"),
        (["mixture", "--host", "no.such.host.invalid", "--no-key"], "cannot listen there"),
        (["mixture", "--port", "70000"], "port"),
    ],
)
def test_what_cannot_be_served_exits_2_with_the_reason(environment, args, said):
    done = run(environment, *args)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_exits_2(environment, taken_port):
    done = run(environment, "mixture", "--port", str(taken_port))
    assert done.returncode == 2
    assert f"127.0.0.1:{taken_port}" in done.stderr
    assert "Address already in use" in done.stderr


def run(environment, *args):
    return run_empathy("serve", *args, env=environment)
