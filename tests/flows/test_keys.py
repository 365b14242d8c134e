"""Keys as Secret blocks on a real server: a deployed run's steps find them, and whoever has a key keeps it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.blocks.system import Secret
from prefect.deployments.steps.core import run_steps
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.keys import KEYS, load_keys
from flows.server import Server
from tasks.errors import ConfigError
from tasks.redaction import list_secrets
from tasks.settings import Settings

JUDGE_KEY = "sk-CANARY0123456789abcdef"
JUDGE, HUB = (key.block for key in KEYS)
FILE = Path(__file__).resolve().parents[2] / "deployments" / "prefect.yaml"


@pytest.fixture(autouse=True)
def api(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without keys that talks to the session's server."""
    for name in [name for name in os.environ if name.startswith(("EMPATHY_", "OPENAI_", "HF_"))]:
        monkeypatch.delenv(name)
    for name in (name for key in KEYS for name in key.variables):
        monkeypatch.setenv(name, "")  # what the steps set is taken back at the end
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        yield
        for name in (JUDGE, HUB):
            asyncio.run(forget(name))


async def forget(name: str) -> None:
    with contextlib.suppress(ValueError):
        await Secret.adelete(name)


def keep(name: str, value: Any) -> None:
    Secret(value=value).save(name, overwrite=True, _sync=True)


def test_the_steps_of_a_deployment_find_the_keys_of_the_server(monkeypatch, capfd) -> None:
    monkeypatch.setenv("EMPATHY_ROOT", str(FILE.parents[1]))
    monkeypatch.chdir(FILE.parents[1])
    keep(JUDGE, f" {JUDGE_KEY}\n")
    keep(HUB, "hf_CANARY0123")
    steps = yaml.safe_load(FILE.read_text(encoding="utf-8").replace("{{ $EMPATHY_ROOT }}", str(FILE.parents[1])))[
        "pull"
    ]
    assert [name for step in steps for name in step][-1] == "flows.keys.load_keys"
    outputs = asyncio.run(run_steps(steps, print_function=print))
    settings = Settings()
    assert settings.judge_api_key is not None
    assert settings.judge_api_key.get_secret_value() == JUDGE_KEY
    assert settings.hub_token == "hf_CANARY0123"
    assert JUDGE_KEY in list_secrets(settings), "so it is struck out of what is told"
    assert "CANARY" not in repr(outputs) + "".join(capfd.readouterr())


@pytest.mark.parametrize("variable", KEYS[0].variables)
def test_a_key_of_the_worker_comes_first(variable: str, monkeypatch) -> None:
    keep(JUDGE, JUDGE_KEY)
    monkeypatch.setenv(variable, "own")
    asyncio.run(load_keys())
    assert {os.environ[name] for name in KEYS[0].variables} == {"own", ""}


def test_no_block_is_no_key_and_no_error() -> None:
    asyncio.run(load_keys())
    assert Settings().judge_api_key is None
    assert Settings().hub_token is None


@pytest.mark.parametrize("value", [{"key": JUDGE_KEY}, "  ", 5])
def test_a_block_that_holds_no_key_is_told_by_its_name_alone(value: object) -> None:
    keep(JUDGE, value)
    with pytest.raises(ConfigError, match=JUDGE) as caught:
        asyncio.run(load_keys())
    assert "CANARY" not in str(caught.value)
