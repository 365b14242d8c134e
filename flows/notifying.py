"""What is said of a run that failed or crashed, and to whom."""

from __future__ import annotations

import re
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.utilities.urls import url_for

from flows.webhook import post_message
from tasks.redaction import list_secrets, redact
from tasks.settings import Settings

LONGEST_MESSAGE = 1000
_colours = re.compile(r"\x1b\[[0-9;]*m")


def notify_failure(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Tell the webhook of the settings, if there is one, that a run ended badly; a part of a run is told by the whole.

    A hook of Prefect: whatever happens here, the run's own state stands.
    """
    settings = Settings()
    if settings.webhook_url is None or flow_run.parent_task_run_id is not None:
        return
    message = describe_failure(flow.name, flow_run, state, list_secrets(settings))
    post_message(settings.webhook_url.get_secret_value(), message, settings.webhook_format)


def describe_failure(flow: str, run: FlowRun, state: State[Any], secrets: list[str]) -> dict[str, str]:
    """Return what the webhook is told: flow, run, state, message and the address of the run's page; no key in any."""
    said = _colours.sub("", redact(state.message or "", secrets))
    return {
        "flow": flow,
        "run": redact(run.name, secrets),
        "state": state.name or state.type.value,
        "message": said if len(said) <= LONGEST_MESSAGE else f"{said[:LONGEST_MESSAGE]}…",
        "url": redact(url_for(run) or "", secrets),
    }
