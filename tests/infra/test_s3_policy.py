"""The policies of the bucket against what the code asks of S3, recorded by a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import polars as pl
import pytest
import s3fs
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from flows.forgetting.redacting import NEXT, finish, remove
from tasks.artifacts import ArtifactStore
from tasks.manifest import MANIFEST, Recipe
from tasks.scoring import (
    Plan,
    ShardName,
    SharedJournal,
    charge_run,
    clear_shards,
    note_outcome,
    publish_plan,
    read_outcome,
    take_plan,
)
from tasks.scoring.ledger.lease_card import Owner
from tasks.scoring.shards import sign_shard

INFRA = Path(__file__).resolve().parents[2] / "infra"
BUCKET = "efficient-empathy"


class Asked(NamedTuple):
    """What a request needs leave for: an action on a key, or a listing below a prefix."""

    action: str
    name: str
    delimiter: str = ""


def read_request(method: str, path: str, query: str) -> list[Asked]:
    """Return what S3 wants leave for, as the user guide's table of actions says."""
    _, bucket, *rest = unquote(path).split("/", 2)
    key, said = "/".join(rest), parse_qs(query, keep_blank_values=True)
    if bucket != BUCKET:
        return [Asked("s3:ListAllMyBuckets", bucket)]
    if not key:
        if method == "POST" and "delete" in said:
            return [Asked("s3:DeleteObject", "artifacts/of/the/body")]
        if "location" in said:
            return [Asked("s3:GetBucketLocation", "")]
        action = "s3:ListBucket" if method in ("GET", "HEAD") else "s3:CreateBucket"
        return [Asked(action, said.get("prefix", [""])[0], said.get("delimiter", [""])[0])]
    if method == "DELETE":
        return [Asked("s3:AbortMultipartUpload" if "uploadId" in said else "s3:DeleteObject", key)]
    return [Asked("s3:GetObject" if method in ("GET", "HEAD") else "s3:PutObject", key)]


def is_allowed(policy: dict[str, Any], asked: Asked) -> bool:
    """Say whether a statement allows it; the policies deny nothing, and their conditions are about listings."""
    for said in policy["Statement"]:
        place = f"arn:aws:s3:::{BUCKET}" + ("" if "Bucket" in asked.action else f"/{asked.name}")
        conditions = said.get("Condition", {}).get("StringLike", {})
        values = {"s3:prefix": asked.name, "s3:delimiter": asked.delimiter}
        if (
            asked.action in as_list(said["Action"])
            and any(fnmatchcase(place, pattern) for pattern in as_list(said["Resource"]))
            and all(any(fnmatchcase(values[key], one) for one in wanted) for key, wanted in conditions.items())
        ):
            return True
    return False


def as_list(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said


def read_policy(name: str) -> dict[str, Any]:
    return json.loads((INFRA / name).read_text(encoding="utf-8"))


class Guarded:
    """Moto's S3 behind a policy: what it does not allow is answered as S3 does; what was asked is remembered."""

    def __init__(self) -> None:
        self.policy: dict[str, Any] | None = None
        self.asked: list[Asked] = []
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        asked = read_request(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
        if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
            asked += read_request("GET", f"/{source.lstrip('/')}", "")
        self.asked += asked
        if self.policy is not None and not all(is_allowed(self.policy, one) for one in asked):
            start_response("403 Forbidden", [("content-type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
        return self._moto(environ, start_response)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """An empty bucket of its own server, without a policy at first."""
    app = Guarded()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir(BUCKET)
    app.asked.clear()
    yield app
    app.policy = None
    s3fs.S3FileSystem().rm(BUCKET, recursive=True)  # moto keeps it for the whole process
    s3fs.S3FileSystem.clear_instance_cache()
    server.shutdown()


def make_artifact(store: ArtifactStore) -> Any:
    def build(folder: Path) -> dict[str, Any]:
        (folder / "rows.json").write_text("[]", encoding="utf-8")
        return {"n_rows": 0}

    return store.produce(Recipe("subsets", 1, {}), build)


def work(tmp_path: Path) -> ArtifactStore:
    """Do what a run does: make and find artifacts, share segments, hold a lease."""
    store = ArtifactStore(f"s3://{BUCKET}/artifacts", tmp_path / "cache")
    assert store.list_kinds() == []
    made = make_artifact(store)
    store.set_current("subsets", made)
    assert store.get_current("subsets") == make_artifact(store) == made
    assert store.read_notes("current", 5) != []
    assert store.read_note("current", "nothing") is None
    assert store.list_refs("subsets") == [made]
    assert (store.open(made) / "rows.json").exists()
    journal = SharedJournal(f"s3://{BUCKET}/journal")
    segment = tmp_path / "j1" / "s1.jsonl"
    segment.parent.mkdir()
    segment.write_text("{}\n", encoding="utf-8")
    journal.send(segment)
    assert journal.list_judges() == ["j1"]
    assert journal.bring(tmp_path / "elsewhere" / "j1") == 1
    card = journal.card_of("j1")
    assert card.read() is None
    card.write(make_owner())
    card.remove()
    share(store, tmp_path)
    return store


def share(store: ArtifactStore, tmp_path: Path) -> None:
    """Do what a run in shards does: plan, charge, sign, tell the outcome, clear."""
    name = ShardName(run="lead", judge_id="j1", token="t", shard=0)
    plan = Plan(path=tmp_path / "plan.parquet", n_turns=1, n_chunks=1)
    pl.DataFrame({"chunk": [0]}).write_parquet(plan.path)
    publish_plan(store, name, plan)
    charge_run(store, name, "first")
    assert sign_shard(store, name, "first")
    assert take_plan(store, name, 1, tmp_path / "cache").n_turns == 1
    note_outcome(store, name, "first", None)
    assert read_outcome(store, name, "first") is not None
    clear_shards(store, "j1")
    assert read_outcome(store, name, "first") is None


def make_owner() -> Owner:
    return Owner(token="t", host="here", process_space="p", pid=1, started_s=1.0, run="score", since=1.0)


def test_a_run_goes_with_a_workers_policy_which_allows_nothing_that_none_asks_for(
    guarded: Guarded, tmp_path: Path
) -> None:
    guarded.policy = read_policy("s3-policy-worker.json")
    work(tmp_path)
    allowed = {action for said in guarded.policy["Statement"] for action in as_list(said["Action"])}
    # uploads in parts begin above 100 MB: what gives them up has no other request
    assert allowed - {one.action for one in guarded.asked} == {"s3:AbortMultipartUpload"}


def test_forgetting_needs_the_operators_policy(guarded: Guarded, tmp_path: Path) -> None:
    guarded.policy = read_policy("s3-policy-worker.json")
    store = work(tmp_path)
    made = make_artifact(store)
    path = made.uri.removeprefix("s3://")
    for name in ("rows.json", MANIFEST):
        store.fs.pipe_file(f"{path}/{name}{NEXT}", store.fs.cat_file(f"{path}/{name}"))
    with pytest.raises(PermissionError):
        finish(store, made.uri)
    guarded.policy = read_policy("s3-policy.json")
    finish(store, made.uri)
    remove(store, made)
    assert not store.holds(made.uri)


@pytest.mark.parametrize("name", ["s3-policy.json", "s3-policy-worker.json"])
@pytest.mark.parametrize("asked", [
    Asked("s3:GetObject", "other/secret"), Asked("s3:PutObject", "journal.txt"), Asked("s3:ListBucket", ""),
    Asked("s3:ListBucket", "other/"), Asked("s3:PutBucketPolicy", "artifacts/x"),
])  # fmt: skip
def test_a_policy_reaches_nothing_outside_its_prefixes(name: str, asked: Asked) -> None:
    assert not is_allowed(read_policy(name), asked)
