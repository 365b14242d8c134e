"""Who reaches the home's Prefect server: the address that it binds, and the login that it asks for."""

from __future__ import annotations

import base64
import ipaddress
import urllib.error
import urllib.request
from typing import NamedTuple

from tasks.errors import ConfigError

LOOPBACK = "127.0.0.1"
ASKED, GIVEN = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
"""Prefect's own settings: the login that a server asks for, and the one that commands and workers say."""


class Access(NamedTuple):
    """What a server is to be like, and how this process reaches it."""

    host: str | None = None
    """The address that it binds; of a running server whatever it is, of a new one loopback, if nothing is said."""
    asked: str = ""
    """USER:PASSWORD that a server started here asks for; nothing is asked for if empty."""
    given: str = ""
    """USER:PASSWORD that this process says."""

    @property
    def headers(self) -> dict[str, str]:
        """The header that says who asks."""
        return basic_auth(self.given)


def find_access(host: str | None = None) -> Access:
    """Return the logins of Prefect's settings. Raises ConfigError where `host` needs one, or a login cannot be one."""
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    asked, given = (
        secret.get_secret_value() if secret else ""
        for secret in (settings.server.api.auth_string, settings.api.auth_string)
    )
    if asked and not (asked.isascii() and asked.isprintable() and asked.partition(":")[2]):
        raise ConfigError("The login of the server is none.", where=ASKED, do="give it as USER:PASSWORD, in ASCII")
    if host is not None:
        check_host(host, asked)
    return Access(host, asked, given or asked)


def check_host(host: str, asked: str) -> None:
    """Raise ConfigError for what is no address, and for one beyond this machine without a login."""
    try:
        is_loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        raise ConfigError(f"{host[:80]!r} is no address.", where="--host", do="give 127.0.0.1, 0.0.0.0, ...") from None
    if not (is_loopback or asked):
        raise ConfigError(
            "Without a login everybody who reaches this machine could start runs on it, and read its records.",
            where=f"--host {host}",
            do=f"set {ASKED}=USER:PASSWORD; the connection is not encrypted, so put TLS in front of it, too",
        )


def basic_auth(login: str) -> dict[str, str]:
    """Return the header of a login, none without one."""
    return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}


def is_let_in(api_url: str, headers: dict[str, str]) -> bool:
    """Say whether a server that answers takes this login."""
    request = urllib.request.Request(f"{api_url}/admin/version", headers=headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status == 200
    except urllib.error.HTTPError as error:
        return error.code not in (401, 403)
