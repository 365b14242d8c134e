"""Values that nobody should send, at Prefect's API: a form's schema refuses what the flow's own types refuse."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import ValidationError

from flows.score_dialogues import score_dialogues
from flows.select_subsets import select_subsets
from flows.server import Server
from tasks.config import JudgeConfig, ScoringConfig, SelectionConfig
from tests.flows.hostile import NUMBERS, TEXTS, VALUES

GROUPS = {"selection": SelectionConfig, "judge": JudgeConfig, "scoring": ScoringConfig}
TEXT_FIELDS = (("selection", "judge_id"), ("selection", "split"), ("judge", "model"), ("judge", "rubric"))
NUMBER_FIELDS = (
    ("selection", "sensibility_threshold"), ("selection", "max_per_emotion"), ("selection", "near_duplicates"),
    ("scoring", "max_cost_usd"), ("scoring", "timeout_s"),
)  # fmt: skip

REFUSED = (400, 409, 422)


@pytest.fixture(scope="module")
def deployments(server: Server) -> Iterator[dict[str, UUID]]:
    """Deployments of two flows on the session's server, whose runs nobody works on, by the group they take."""
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        made = {flow: flow.to_deployment("hostile").apply() for flow in (select_subsets, score_dialogues)}
    yield {"selection": made[select_subsets], "judge": made[score_dialogues], "scoring": made[score_dialogues]}
    with temporary_settings({PREFECT_API_URL: server.api_url}), get_client(sync_client=True) as client:
        theirs = DeploymentFilter(id=DeploymentFilterId(any_=list(made.values())))
        runs = client.read_flow_runs(deployment_filter=theirs, limit=200)  # fails if a run cannot even be shown
        assert runs
        for deployment in made.values():
            client.delete_deployment(deployment)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.api_url, timeout=60) as client:
        yield client


def is_taken(group: str, field: str, value: object) -> bool:
    """Whether the flow's own type takes the value; JSON has no lone surrogates, and the API no other numbers."""
    try:
        GROUPS[group].model_validate({field: value}, strict=not isinstance(value, str | int | float))
    except ValidationError:
        return False
    return True


def send(client: httpx.Client, deployment: UUID, group: str, field: str, value: Any) -> httpx.Response:
    body = json.dumps({"parameters": {group: {field: value}}})  # as text: NaN and lone surrogates too
    headers = {"Content-Type": "application/json"}
    address = f"/deployments/{deployment}/create_flow_run"
    for _ in range(8):  # as Prefect's own client does: its SQLite is busy now and then, and closes connections
        with contextlib.suppress(httpx.TransportError):
            answer = client.post(address, content=body.encode(), headers=headers)
            if answer.status_code != 503:
                return answer
        time.sleep(0.2)
    raise AssertionError(f"the server gives no answer to {group}.{field}")


@pytest.mark.parametrize(
    ("values", "fields"), [(TEXTS, TEXT_FIELDS), ((*NUMBERS, *VALUES), NUMBER_FIELDS)], ids=["texts", "numbers"]
)
def test_the_api_refuses_what_the_flow_would_refuse_and_names_the_field(values, fields, deployments, client):
    wrong, n_refused = [], 0
    for value, (group, field) in zip(values, itertools.cycle(fields)):
        answer = send(client, deployments[group], group, field, value)
        said = f"{group}.{field}={value!r:.60}: {answer.status_code} {answer.text[:200]}"
        if answer.status_code == 201:
            wrong += [] if is_taken(group, field, value) else [f"taken: {said}"]
            continue
        n_refused += 1
        wrong += [] if answer.status_code in REFUSED else [f"neither: {said}"]
        # 400 and 422: no JSON at all, or no parameter of any flow; there is no field to name
        wrong += [] if field in answer.text or answer.status_code != 409 else [f"not named: {said}"]
    assert wrong == []
    assert n_refused >= 25


@pytest.mark.parametrize(
    "parameters",
    [
        {"selection": "paper"}, {"selection": [1]}, {"selection": {"rule": "'; DROP TABLE scores;--"}},
        {"selection": {"__class__": "x"}}, {"scores": {"kind": "../../etc", "uri": "/", "sha256": "a", "n_rows": 0,
                                                       "config_digest": "b"}},
        {"scores": {"kind": "scores", "uri": "/", "sha256": "a", "n_rows": 0, "config_digest": "../../etc"}},
    ],
)  # fmt: skip
def test_the_api_refuses_what_is_no_parameter_and_paths_in_a_reference(parameters, deployments, client):
    answer = client.post(f"/deployments/{deployments['selection']}/create_flow_run", json={"parameters": parameters})
    assert answer.status_code in REFUSED, answer.text
    assert any(name in answer.text for name in ("selection", "scores"))


def test_the_server_still_takes_an_honest_selection(deployments, client):
    answer = send(client, deployments["selection"], "selection", "sensibility_threshold", 6)
    assert answer.status_code == 201
    assert answer.json()["parameters"]["selection"] == {"sensibility_threshold": 6}
