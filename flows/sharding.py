"""One run of scoring divided among several: `score-shard` runs on any workers, submitted again where they crash."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import update_progress_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from tasks.bounded import check_place
from tasks.config import JudgeConfig, ScoringConfig
from tasks.errors import ConfigError, StoppedShortError
from tasks.progress import report_notice
from tasks.scoring import (
    GIVEN_UP_S,
    RUNS,
    Plan,
    ShardName,
    ShardOutcome,
    charge_run,
    clear_shards,
    publish_plan,
    read_outcome,
    read_sign,
)
from tasks.scoring.tasks import PROGRESS

DEPLOYMENT = "score-shard/worker"
MOST_TRIES = 3
LOOK_EVERY_S = 2.0
LATE_S, UNTAKEN_S = 60.0, 3600.0
"""A shard that no worker has taken for so long is told of, and withdrawn."""
START_S = 600.0
"""One that a worker has taken may need so long for its first sign: images are fetched, machines started."""
AGAIN = "run the same command again: what was answered is kept"
BROKEN = ShardOutcome(
    kind="StoppedShortError", what="A shard ended without a word several times.", do=f"see its run's page, then {AGAIN}"
)
CANCELLED = ShardOutcome(kind="StoppedShortError", what="A shard was cancelled.", do=AGAIN)
UNTAKEN = ShardOutcome(
    kind="StoppedShortError", what="No worker took a shard.", do=f"`empathy up --worker`, then {AGAIN}"
)


class Shards:
    """The shards of one run that is under way in this process; belongs to one thread."""

    def __init__(self, client: SyncPrefectClient, run: str, parameters: dict[str, Any], n_shards: int) -> None:
        self.client, self.led, self.parameters = client, RUNS[run], parameters
        known = {"run": run, "judge_id": self.led.identity.judge_id, "token": self.led.lease.token}
        self.names = [ShardName(**known, shard=number) for number in range(n_shards)]
        self.runs: dict[int, UUID] = {}
        """The last run submitted of each shard."""
        self.outcomes: dict[int, ShardOutcome] = {}
        self._n_tries = dict.fromkeys(range(n_shards), 0)
        self._signs: dict[int, tuple[str | None, float]] = {}
        """The last sign of life of each shard, and when it was first seen."""
        self._begun: set[int] = set()
        self._is_told = False

    def submit(self, shard: int) -> None:
        """Ask for a run of a shard."""
        self._n_tries[shard] += 1
        name, parameters = self.names[shard], {"shard": self.names[shard].model_dump(), **self.parameters}
        key = f"{name.token}-{shard}-{self._n_tries[shard]}"  # a request sent twice is one run
        run = cast(FlowRun, run_deployment(DEPLOYMENT, parameters=parameters, timeout=0, idempotency_key=key))
        self.runs[shard], self._signs[shard] = run.id, ("", time.monotonic())
        self._begun.discard(shard)
        charge_run(self.led.home.artifacts, name, str(run.id))

    def look(self) -> None:
        """Take the outcomes of shards that have ended; those that left no word are submitted again."""
        for shard, run_id in self.runs.items():
            if shard in self.outcomes:
                continue
            state = self.read_state(run_id)
            if state is None or state.is_final():
                self._take(shard, state)
            elif state.is_scheduled():
                self._wait_for_worker(shard)
            elif self._is_silent(shard, is_begun=state.is_running()):
                self.client.set_flow_run_state(run_id, Crashed(message="No sign of life: its machine may be gone."))

    def read_state(self, run_id: UUID) -> State | None:
        """Return the state of a run, None of one that was deleted."""
        try:
            return self.client.read_flow_run(run_id).state
        except ObjectNotFound:
            return None

    def _wait_for_worker(self, shard: int) -> None:
        waited_s = time.monotonic() - self._signs[shard][1]  # since it was submitted, the last time
        if waited_s > UNTAKEN_S:
            self.outcomes[shard] = UNTAKEN
        elif waited_s > LATE_S and not self._is_told:
            report_notice("No worker has taken a shard yet: start one of the pool cpu, `empathy up --worker`.")
            self._is_told = True

    def _is_silent(self, shard: int, *, is_begun: bool) -> bool:
        """Say whether a shard has left no other sign of life for too long, by this host's clock."""
        sign, now = read_sign(self.led.home.artifacts, self.names[shard]), time.monotonic()
        last, seen_at = self._signs[shard]
        if sign != last or (is_begun and shard not in self._begun):
            self._signs[shard] = (sign, now)
            self._begun |= {shard} if is_begun else set()
            return False
        return now - seen_at > (GIVEN_UP_S if is_begun else START_S)

    def _take(self, shard: int, state: State | None) -> None:
        outcome = read_outcome(self.led.home.artifacts, self.names[shard], str(self.runs[shard]))
        if outcome is None and state is not None and state.is_cancelled():
            outcome = CANCELLED
        if outcome is None and self._n_tries[shard] < MOST_TRIES:
            said = state.name if state else "deleted"
            report_notice(f"Shard {shard} ended as {said} and is submitted again; what it was answered is kept.")
            self.submit(shard)
        else:
            self.outcomes[shard] = outcome or BROKEN

    def show_progress(self, plan: Plan) -> None:
        """Add up how far the shards are, by the progress that stands on their own pages."""
        mine = ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=list(self.runs.values())), key=ArtifactFilterKey(any_=[PROGRESS])
        )
        found = (one.data for one in self.client.read_artifacts(artifact_filter=mine))
        share = sum(float(data) for data in found if isinstance(data, float | int)) / 100 / len(self.names)
        self.led.on_done(max(0, min(plan.n_turns, round(share * plan.n_turns)) - self.led.n_done))
        if self.led.progress_id is not None:
            update_progress_artifact(self.led.progress_id, 100 * self.led.n_done / max(1, plan.n_turns))

    def withdraw(self) -> None:
        """Cancel shards that no worker has taken; those under way find that the run has let go of the judge."""
        for run_id in self.runs.values():
            state = self.read_state(run_id)
            if state and state.is_scheduled():
                self.client.set_flow_run_state(run_id, Cancelled(message="The run that it is a part of has ended."))


def score_in_shards(run: str, plan: Plan, judge: JudgeConfig, scoring: ScoringConfig) -> Sequence[ShardOutcome]:
    """Have a plan's turns scored by `scoring.shards` runs, and return how each ended, well or not.

    Raises ConfigError where their deployment is not on the server.
    """
    led = RUNS[run]
    base_url = led.home.settings.judge_base_url
    if base_url:
        check_place(base_url, "The address of the judge's endpoint, which shards are told,")
    divided = scoring.model_copy(update={"shards": min(scoring.shards, plan.n_chunks)})
    parameters = {"judge": judge.model_dump(mode="json"), "scoring": divided.model_dump(mode="json"),
                  "base_url": base_url}  # fmt: skip
    with get_client(sync_client=True) as client:
        require_deployment(client)
        shards = Shards(client, run, parameters, divided.shards)
        publish_plan(led.home.artifacts, shards.names[0], plan)
        try:
            for shard in range(divided.shards):
                shards.submit(shard)
            follow(shards, plan)
            led.lease.bring()
        finally:
            try:
                shards.withdraw()
            finally:
                clear_shards(led.home.artifacts, led.identity.judge_id)
    return list(shards.outcomes.values())


def follow(shards: Shards, plan: Plan) -> None:
    """Return when every shard has ended. Raises StoppedShortError where the stores are away for too long."""
    while len(shards.outcomes) < len(shards.names):
        time.sleep(LOOK_EVERY_S)
        try:
            shards.led.lease.check()
        except OSError as error:
            raise StoppedShortError(f"The judge's lease cannot be kept: {error}", do=AGAIN) from None
        with suppress(OSError):  # the store may be away for a while; the lease says when that is too long
            shards.look()
        shards.show_progress(plan)


def require_deployment(client: SyncPrefectClient) -> None:
    """Raise ConfigError where there is no deployment of shards."""
    try:
        client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        raise ConfigError(
            f"Shards are runs of the deployment {DEPLOYMENT}, which this Prefect server does not have.",
            where=str(client.api_url),
            do="run `empathy deploy`, and have a worker of the pool cpu: `empathy up --worker`",
        ) from None
