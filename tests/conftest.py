"""Fixtures every test may use: real data, a home of one's own, a corpus in it, a run of scoring without Prefect."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from tasks.artifacts import ArtifactStore
from tasks.config import JudgeConfig, ScoringConfig
from tasks.dialogues import ingest, ingest_recipe, resolve_source
from tasks.home import Home
from tasks.schema import ArtifactRef
from tasks.scoring import (
    Coverage,
    JudgeIdentity,
    Plan,
    close_left_segments,
    commit_segments,
    count_coverage,
    hold_lease,
    identify_judge,
    load_judge,
    plan_scoring,
    score_planned_chunk,
    snapshot_scores,
    write_identity,
)
from tasks.settings import Settings
from tasks.store import Store

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: the models are tiny, a second thread waits
SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
hypothesis.settings.register_profile("project", deadline=None)  # a busy machine is not a bug
hypothesis.settings.load_profile("project")
TAKES_MINUTES = ("flows", "serving", "test_faults", "test_shards", "test_run_form", "test_login_and_keys")
"""Folders and files."""
SETTINGS_PREFIXES = ("EMPATHY_", "OPENAI_", "HF_TOKEN")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take minutes, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: not {item.path.parent.name, item.path.stem} & set(TAKES_MINUTES))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the clone; tests that need it are skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data is not here: ../shared/data does not exist beside this clone")
    return SHARED_DATA


@pytest.fixture(scope="session")
def make_home() -> Callable[[Path], Home]:
    """Make a home in a folder, whatever the machine's own settings are."""

    def make(folder: Path) -> Home:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(SETTINGS_PREFIXES)]:
                patch.delenv(name)
            settings = Settings(home=folder)
        return Home(settings, ArtifactStore.from_settings(settings), Store.from_settings(settings))

    return make


@pytest.fixture
def home(tmp_path: Path, make_home: Callable[[Path], Home]) -> Home:
    """A home of the test's own."""
    return make_home(tmp_path / "home [1] *")


@pytest.fixture(scope="session")
def ingest_file() -> Callable[..., ArtifactRef]:
    """Ingest one file into a home, as the flow does."""

    def run(home: Home, path: Path, split: str = "auto") -> ArtifactRef:
        source = resolve_source(str(path), home.settings.cache_dir)
        ref = home.artifacts.produce(ingest_recipe(source, split), lambda folder: ingest(source, split, folder))
        return home.record(ref)

    return run


@pytest.fixture(scope="session")
def write_dialogues() -> Callable[..., Path]:
    """Write dialogues (id -> texts that alternate, speaker first) as JSON Lines."""

    def write(path: Path, dialogues: dict[str, Sequence[str]], emotion: str = "proud") -> Path:
        lines = []
        for dialogue_id, texts in dialogues.items():
            turns = [{"role": ("speaker", "listener")[n % 2], "text": text} for n, text in enumerate(texts)]
            lines.append({"dialogue_id": dialogue_id, "emotion": emotion, "situation": "At work.", "turns": turns})
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return path

    return write


@dataclass(frozen=True)
class ScoringResult:
    """What one run of scoring left behind."""

    identity: JudgeIdentity
    folder: Path
    plan: Plan
    coverage: Coverage
    scores: ArtifactRef


@pytest.fixture(scope="session")
def score_corpus() -> Callable[..., ScoringResult]:
    """Score a corpus as the flow does, in this thread: lease, merge, plan, chunks, commit, snapshot."""

    def run(
        home: Home, corpus: Iterable[ArtifactRef], judge: JudgeConfig, name: str = "run", **scoring: object
    ) -> ScoringResult:
        corpus, config = list(corpus), ScoringConfig(**scoring)
        identity = identify_judge(judge, home.settings.judge_base_url)
        folder = home.settings.journal_dir / identity.judge_id
        files, plan_file = home.turn_files(corpus), home.settings.cache_dir / f"{name}.parquet"
        with hold_lease(folder, identity.alias, name):
            write_identity(folder, identity)
            close_left_segments(folder)
            with home.store.transaction() as connection:
                commit_segments(connection, folder, identity)
                plan = plan_scoring(connection, files, identity.judge_id, config, plan_file, judge.replies_file)
            score_chunks(judge, identity, home.settings, config, plan, folder, name)
            with home.store.transaction() as connection:
                commit_segments(connection, folder, identity)
                coverage = count_coverage(connection, files, identity.judge_id, config.split)
                scores = snapshot_scores(connection, home.artifacts, corpus, identity.judge_id, identity.alias)
        return ScoringResult(identity, folder, plan, coverage, home.record(scores))

    return run


def score_chunks(
    judge: JudgeConfig,
    identity: JudgeIdentity,
    settings: Settings,
    config: ScoringConfig,
    plan: Plan,
    folder: Path,
    name: str,
) -> None:
    """Score every chunk of a plan, one after the other, and close the judge."""
    loaded = load_judge(judge, identity, settings, config)
    try:
        for chunk in range(plan.n_chunks):
            score_planned_chunk(loaded, plan, chunk, folder, name, lambda _: None)
    finally:
        loaded.close()


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """An S3 server of moto on loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(request: pytest.FixtureRequest, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of the test's own, in an environment that points at the server."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # one made for another server would be taken
    for name, value in {"ENDPOINT_URL": s3_url, "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"b{abs(hash(request.node.nodeid))}"
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where artifacts stand: a folder with an odd name, or a bucket."""
    is_local = request.param == "local"
    return str(tmp_path / "my [artifacts] *") if is_local else f"{request.getfixturevalue('bucket')}/deep"


@pytest.fixture
def open_store(root: str, tmp_path: Path) -> Callable[..., ArtifactStore]:
    """Open the store as another process or host would, with a cache of its own."""
    return lambda host="here": ArtifactStore(root, tmp_path / host)
