"""What one server takes on at once; the defaults suit two CPU cores and a small model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a server; what goes beyond them is refused with the bound in the message."""

    max_batch: int = 16
    """Responses that are generated together."""
    max_waiting: int = 256
    """Requests that may wait while a full batch is generated."""
    max_prompt_tokens: int = 4096
    """Longest prompt; the model's own room is a bound too."""
    max_tokens: int = 512
    """Longest response that a request may ask for."""
    default_tokens: int = 256
    """Longest response where the request says nothing."""
    max_body_bytes: int = 1 << 20
    """Largest request."""
    request_timeout_s: float = 120.0
    """How long a request may take, waiting included."""
    shutdown_timeout_s: float = 30.0
    """How long running responses may go on after the server was told to end."""
