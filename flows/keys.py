"""Keys that a server keeps: Prefect's Secret blocks, read by a deployed run where its worker has no such key."""

from __future__ import annotations

import os
from typing import NamedTuple

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from tasks.errors import ConfigError


class Key(NamedTuple):
    """A block, and the variables that it stands in for: the first is set if none is."""

    block: str
    variables: tuple[str, ...]


KEYS = (
    Key("efficient-empathy-judge-api-key", ("EMPATHY_JUDGE_API_KEY", "OPENAI_API_KEY")),
    Key("efficient-empathy-hf-token", ("HF_TOKEN", "EMPATHY_HF_TOKEN")),
)


async def load_keys() -> None:
    """Put the keys of the server's Secret blocks into this process's environment, where it has none of its own.

    A step of every deployment: from the environment they reach what reads the settings, and what it starts, and what
    strikes out secrets knows them. Raises ConfigError for a block that holds no text.
    """
    missing = [key for key in KEYS if not any(os.environ.get(name) for name in key.variables)]
    async with get_client() as client:
        for key in missing:
            try:
                found = await client.read_block_document_by_name(key.block, "secret")
            except ObjectNotFound:
                continue
            value = found.data.get("value")
            if not isinstance(value, str) or not value.strip():
                raise ConfigError("A Secret block holds no key.", where=f"block {key.block}", do="give it a text")
            os.environ[key.variables[0]] = value.strip()
