"""Posting a message to a webhook: within a time, without an error, and without telling anybody where to."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from threading import Thread
from typing import Literal

POST_TIMEOUT_S = 5.0
GIVE_UP_S = 10.0
"""A name that is looked up, or a reply that drips, has no limit of its own: then nobody waits any longer."""

WebhookFormat = Literal["json", "slack"]
logger = logging.getLogger("empathy.webhook")


def post_message(url: str, message: Mapping[str, str], form: WebhookFormat, give_up_s: float = GIVE_UP_S) -> None:
    """Post a message and return within `give_up_s`; what went wrong is logged, never the address, and never raised."""
    body = json.dumps(shape_slack(message) if form == "slack" else dict(message)).encode()
    thread = Thread(target=_post, args=(url, body), daemon=True, name="webhook")
    thread.start()
    thread.join(give_up_s)
    if thread.is_alive():
        logger.warning("The webhook did not answer within %g s.", give_up_s)


def shape_slack(message: Mapping[str, str]) -> dict[str, str]:
    """Return the message as Slack takes it: one text, in which `&`, `<` and `>` have a meaning of their own."""
    said = {name: _escape(text) for name, text in message.items()}
    title = f"*{said['flow']}* / {said['run']}: {said['state']}"
    link = f"<{said['url']}|Open the run>" if said["url"] else ""
    quoted = "\n".join(f"> {line}" for line in said["message"].splitlines())
    return {"text": "\n".join(part for part in (title, quoted, link) if part)}


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(url: str, body: bytes) -> None:
    if not url.startswith(("https://", "http://")):
        logger.warning("The webhook was not told: its address is not one of http or https.")
        return
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=POST_TIMEOUT_S):  # noqa: S310 - checked above
            pass
    except urllib.error.HTTPError as error:
        logger.warning("The webhook refused the message: HTTP %d.", error.code)
    except (OSError, ValueError, HTTPException) as error:  # their texts may hold the address
        logger.warning("The webhook was not told: %s.", type(error).__name__)
