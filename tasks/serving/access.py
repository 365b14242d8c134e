"""Who may ask: the key, and the rule that only loopback goes without one."""

from __future__ import annotations

import hmac
import ipaddress

from pydantic import SecretStr

from tasks.errors import ConfigError
from tasks.serving.api_error import ApiError

SETTING = "EMPATHY_SERVE_API_KEY"


def check_access(host: str, key: SecretStr | None, *, is_open: bool) -> None:
    """Raise ConfigError for an address beyond this machine without a key, unless that is wanted (`is_open`)."""
    if key is None and not is_open and not is_loopback(host):
        raise ConfigError(
            f"Without a key everybody who reaches {host or 'this machine'} could use the model.",
            where=f"--host {host}",
            do=f"set {SETTING}, or name a variable with --api-key-env; --no-key serves without one",
        )


def is_loopback(host: str) -> bool:
    """Say whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_key(key: SecretStr | None, authorization: str | None) -> None:
    """Raise ApiError (401) unless the header carries the key; how long that takes tells nothing about it."""
    if key is None:
        return
    scheme, _, given = (authorization or "").partition(" ")
    expected = key.get_secret_value().encode()
    is_right = hmac.compare_digest(given.strip().encode("latin-1"), expected)  # headers arrive as latin-1
    if scheme.lower() != "bearer" or not is_right:
        said = "The API key is wrong." if authorization else "An API key is needed: Authorization: Bearer KEY."
        raise ApiError(401, said, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
