"""Serving a model of a home: what can be refused is refused before the model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import SecretStr

from tasks.home import Home
from tasks.serving.access import check_access
from tasks.serving.finding import find_model, load_model
from tasks.serving.limits import Limits

if TYPE_CHECKING:
    from tasks.serving.running import Address


def serve_model(
    home: Home,
    model: str,
    host: str,
    port: int,
    limits: Limits,
    key: SecretStr | None,
    say_ready: Callable[[str, Address], None],
    *,
    is_open: bool = False,
) -> None:
    """Serve the model that `model` names until SIGTERM or SIGINT; `say_ready` is told its name and address.

    Raises ConfigError for an address beyond this machine without a key, UsageError for an unknown model, an address
    that is taken, or a model that cannot be generated from in this way.
    """
    from tasks.serving.running import bind, run_server
    from tasks.serving.service import Service

    check_access(host, key, is_open=is_open)
    found = find_model(home, model)
    with bind(host, port) as listener:
        loaded, encoder = load_model(home, found)
        fingerprint = f"fp_{found.ref.config_digest[:12]}" if found.ref else None
        service = Service(found.name, loaded, encoder, limits, fingerprint)
        run_server(service, listener, key, lambda address: say_ready(found.name, address))
