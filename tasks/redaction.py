"""Text that may leave the machine: what looks like a key, and what is known to be one, is struck out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from pydantic import SecretStr

from tasks.settings import Settings

STRUCK = "[redacted]"
SHORTEST_SECRET = 6
"""Signs of a value that is struck wherever it stands; a shorter one would strike out ordinary words."""

_secret_name = re.compile(r"(?i)(key|token|secret|password|passwd|credentials)$")
_said_name = r"[\w-]*(?:(?:api|access|secret|private)[-_]?key|token|secret|password|passwd|signature|credential)"
_patterns = (
    (re.compile(r"(?i)([a-z][a-z0-9+.-]*://)[^\s/]+@"), rf"\1{STRUCK}@"),  # an address with a user, or a password
    (re.compile(r"(?i)(https?://hooks\.[^\s/]+/)[^\s\"')]+"), rf"\1{STRUCK}"),  # a webhook's path is its key
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {STRUCK}"),
    (re.compile(rf"(?i)({_said_name}[\"']?\s*[:=]\s*[\"']?|[?&](?:key|sig)=)[^\s\"'&,;]+"), rf"\1{STRUCK}"),
    (re.compile(r"\b(?:sk|pk|rk|hf|gh[a-z]|github_pat|glpat|xox[a-z])[-_][\w*-]{8,}"), STRUCK),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), STRUCK),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"), STRUCK),  # a JSON web token
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without the given secrets, and without what looks like a key or an address with a password."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, STRUCK).replace(quote(secret, safe=""), STRUCK)
    for pattern, replacement in _patterns:
        text = pattern.sub(replacement, text)
    return text


def list_secrets(settings: Settings, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the secrets of the settings, and the values of variables that are named like one."""
    own = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    return own + [value for name, value in environment.items() if _secret_name.search(name)]
