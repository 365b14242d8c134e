"""Artifacts, on local disk and on S3's protocol by the same code: found by what went in, verified when read."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tasks.artifacts import ArtifactStore
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

RECIPE = Recipe("scores", 1, {"judge": "x", "threshold": 5.0})


@pytest.fixture
def store(open_store):
    return open_store()


def build(folder):
    (folder / "scores.parquet").write_bytes(b"scores" * 100)
    (folder / "deep").mkdir()
    (folder / "deep" / "more.json").write_text("{}", encoding="utf-8")
    return {"n_rows": 7, "by_split": {"train": 7}}


def must_not_build(folder):
    raise AssertionError(f"built again in {folder}")


def test_what_was_made_is_found_opened_and_not_made_again(store, open_store):
    assert store.find(RECIPE) is None
    ref = store.produce(RECIPE, build)
    assert (ref.kind, ref.n_rows, ref.config_digest) == ("scores", 7, RECIPE.digest)
    assert ref.uri.endswith(f"/scores/{RECIPE.digest}")
    for other in (store, open_store("elsewhere")):
        assert other.find(RECIPE) == ref
        assert other.produce(RECIPE, must_not_build) == ref
        folder = other.open(ref)
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert files - {"manifest.json"} == {"deep/more.json", "scores.parquet"}
        assert (folder / "scores.parquet").read_bytes() == b"scores" * 100


def test_the_manifest_says_what_went_in_and_what_came_out(store):
    parent = store.produce(RECIPE, build)
    child = store.produce(Recipe("subsets", 3, {"rule": "paper"}, (parent,), {"base": "abc"}), build)
    manifest = store.read_manifest(child.uri)
    assert manifest["config"] == {"rule": "paper"}
    assert (manifest["stage_version"], manifest["inputs"]) == (3, {"base": "abc"})
    assert manifest["parents"] == [parent.model_dump()]
    assert manifest["facts"]["by_split"] == {"train": 7}
    assert manifest["files"]["deep/more.json"]["bytes"] == 2
    assert store.read_ref(child.uri) == child


def test_what_inputs_were_taken_from_is_a_parent_and_no_part_of_the_digest(store):
    first, second = (store.produce(Recipe("subsets", 1, {"n": n}), build) for n in (1, 2))
    ref = store.produce(Recipe("expert", 1, {}, inputs={"rows": "same"}, taken_from=(first,)), build)
    assert store.read_manifest(ref.uri)["parents"] == [first.model_dump()]
    again = Recipe("expert", 1, {}, inputs={"rows": "same"}, taken_from=(second,))
    assert store.produce(again, must_not_build) == ref
    assert store.find(Recipe("expert", 1, {}, inputs={"rows": "other"}, taken_from=(first,))) is None


def test_artifacts_of_a_kind_are_listed_oldest_first_and_others_see_them_at_once(store, open_store):
    other = open_store("elsewhere")
    assert store.list_refs("scores") == other.list_refs("scores") == []
    made = [store.produce(Recipe("scores", 1, {"n": n}), build) for n in range(3)]
    store.produce(Recipe("subsets", 1, {}), build)
    assert other.list_refs("scores") == store.list_refs("scores") == made


def test_what_another_host_made_meanwhile_is_found(store, open_store, root, tmp_path):
    store.produce(Recipe("scores", 1, {"n": 0}), build)
    assert len(store.list_refs("scores")) == 1
    assert store.find(RECIPE) is None
    program = (
        "import sys; from pathlib import Path; from tasks.artifacts import *;"
        "store = ArtifactStore(sys.argv[1], Path(sys.argv[2]));"
        "store.produce(Recipe('scores', 1, {'judge': 'x', 'threshold': 5.0}), lambda f: {'n_rows': 7})"
    )
    subprocess.run([sys.executable, "-c", program, root, tmp_path / "other"], check=True, timeout=60)
    assert store.find(RECIPE) is not None
    assert len(store.list_refs("scores")) == 2


def test_the_digest_is_a_function_of_inputs_config_and_version_only():
    parents = [ArtifactRef(kind="scores", uri=f"/{n}", sha256=f"{n}", n_rows=n, config_digest=f"{n}") for n in range(2)]
    recipe = Recipe("subsets", 1, {"a": 1, "b": 2.0}, tuple(parents), {"x": "1", "y": "2"})
    moved = [parent.model_copy(update={"uri": "s3://elsewhere", "n_rows": 9}) for parent in parents]
    same = Recipe("subsets", 1, {"b": 2.0, "a": 1}, tuple(moved[::-1]), {"y": "2", "x": "1"})
    assert recipe.digest == same.digest
    others = [
        Recipe("expert", 1, recipe.config, recipe.parents, recipe.inputs),
        Recipe("subsets", 2, recipe.config, recipe.parents, recipe.inputs),
        Recipe("subsets", 1, {"a": 1, "b": 2.5}, recipe.parents, recipe.inputs),
        Recipe("subsets", 1, recipe.config, recipe.parents[:1], recipe.inputs),
        Recipe("subsets", 1, recipe.config, recipe.parents, {"x": "1", "y": "3"}),
    ]
    assert len({recipe.digest, *(other.digest for other in others)}) == 6


def test_a_build_that_fails_leaves_nothing(store):
    def fail(folder):
        build(folder)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.produce(RECIPE, fail)
    assert store.find(RECIPE) is None
    assert store.fs.find(store.root) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.artifacts import ArtifactStore
from tasks.manifest import Recipe
def build(folder):
    (folder / "scores.parquet").write_bytes(b"half")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
ArtifactStore(sys.argv[1], Path(sys.argv[2])).produce(Recipe("scores", 1, {"judge": "x", "threshold": 5.0}), build)
"""


def test_a_killed_writer_leaves_no_artifact_and_the_next_one_clears_up(store, root, tmp_path):
    command, env = [sys.executable, "-c", KILLED, root, tmp_path], {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == -signal.SIGKILL
    staging = Path(done.stdout.strip())
    assert staging.is_dir()
    assert store.find(RECIPE) is None
    assert store.list_refs("scores") == []
    store.produce(Recipe("scores", 1, {"another": "recipe"}), build)
    assert staging.exists() is not store.is_local
    assert store.open(store.produce(RECIPE, build)).is_dir()


def test_the_staging_of_a_living_writer_is_left_alone(tmp_path):
    store = ArtifactStore(str(tmp_path / "root"), tmp_path / "cache")

    def build_while_another_does(folder):
        store.produce(Recipe("scores", 1, {"another": "recipe"}), build)
        assert folder.is_dir()
        return build(folder)

    assert store.open(store.produce(RECIPE, build_while_another_does)).is_dir()


def test_two_producers_at_once_make_one_whole_artifact(open_store):
    at_once, made, n_built = threading.Barrier(4), [], []

    def build_together(folder):
        n_built.append(1)
        at_once.wait(20)
        return build(folder)

    def work(number):
        made.append(open_store(f"host{number}").produce(RECIPE, build_together))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(n_built) == 4
    assert len(made) == 4
    assert len({ref.sha256 for ref in made}) == 1
    assert open_store("reader").open(made[0]).is_dir()
    assert len(open_store("reader").list_refs("scores")) == 1


def test_a_producer_that_comes_second_leaves_the_first_ones_files_alone(store, open_store):
    def build_late(folder):
        open_store("faster").produce(RECIPE, build)
        (folder / "scores.parquet").write_bytes(b"another training, other weights")
        return {"n_rows": 7}

    ref = store.produce(RECIPE, build_late)
    assert (open_store("reader").open(ref) / "scores.parquet").read_bytes() == b"scores" * 100


def test_a_local_artifact_is_read_in_place_and_a_remote_copy_is_kept_and_mended(store):
    ref = store.produce(RECIPE, build)
    folder = store.open(ref)
    if store.is_local:
        assert folder == Path(ref.uri)
        return
    kept = (folder / "deep" / "more.json").stat().st_mtime_ns
    (folder / "scores.parquet").write_bytes(b"rotten" * 100)
    assert (store.open(ref) / "scores.parquet").read_bytes() == b"scores" * 100
    assert (folder / "deep" / "more.json").stat().st_mtime_ns == kept
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["more.json", "scores.parquet"]


def test_a_name_stands_for_what_it_was_last_given(store, open_store):
    assert store.get_current("subsets") is None
    first, second = (store.produce(Recipe("subsets", 1, {"n": n}), build) for n in range(2))
    store.set_current("subsets", first)
    store.set_current("subsets", second)
    assert open_store("elsewhere").get_current("subsets") == second


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_root_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission"):
        ArtifactStore(str(tmp_path / "root"), tmp_path).produce(RECIPE, build)
