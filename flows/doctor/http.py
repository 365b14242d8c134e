"""Small questions to an address, without its secrets in what is said of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT_S = 2.0


class Answer(NamedTuple):
    """What an address answered: its status, or why there is none."""

    status: int | None
    content: Any = None
    """The JSON of the answer, None where it holds none."""
    error: str = ""


def ask(url: str, body: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Return what an address answers within two seconds of silence; raises nothing."""
    data = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(  # noqa: S310 - the address is the machine's own setting, its scheme checked
            url, data=data, headers={"Content-Type": "application/json", **(headers or {})}
        )
        if request.type not in ("http", "https"):
            return Answer(None, error=f"{request.type}:// is no address of a server")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return Answer(answer.status, read_json(answer.read(10_000_000)))
    except urllib.error.HTTPError as error:
        return Answer(error.code)
    except TimeoutError:
        return Answer(None, error=f"no answer within {TIMEOUT_S:g} s")
    except urllib.error.URLError as error:
        is_late = isinstance(error.reason, TimeoutError)
        return Answer(None, error=f"no answer within {TIMEOUT_S:g} s" if is_late else str(error.reason))
    except (OSError, ValueError, HTTPException) as error:
        return Answer(None, error=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def read_json(content: bytes) -> Any:
    """Return what a text in JSON says, None of any other."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def hide_secrets(url: str) -> str:
    """Return an address without user, password and query."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError:
        return "an address that cannot be read"
