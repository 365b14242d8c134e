"""A damaged artifact is an error that names it and the command that rebuilds it: never used, never overwritten."""

import json
import subprocess
from pathlib import Path

import pytest

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError
from tasks.manifest import Recipe

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


def path_of(store, ref, name):
    return f"{store.fs._strip_protocol(ref.uri)}/{name}"


def change(store, ref, name, content):
    store.fs.pipe_file(path_of(store, ref, name), content)


def test_a_damaged_file_is_told_with_artifact_and_command(store, open_store):
    ref = store.produce(RECIPE, build)
    for content in (b"", b"scores" * 99, b"scores" * 99 + b"scoreS", b"scores" * 200):
        change(store, ref, "scores.parquet", content)
        with pytest.raises(ArtifactError) as caught:
            open_store("elsewhere").open(ref)
        assert "scores artifact is damaged: scores.parquet" in caught.value.what
        assert caught.value.where == f"{ref.uri}/scores.parquet"
        assert "`empathy score`" in caught.value.do


def test_a_missing_file_is_told_with_artifact_and_command(store, open_store):
    name = "deep/more.json"
    ref = store.produce(RECIPE, build)
    store.fs.rm(path_of(store, ref, name))
    with pytest.raises(ArtifactError, match="is damaged") as caught:
        open_store("elsewhere").open(ref)
    assert caught.value.where == f"{ref.uri}/{name}"
    assert "`empathy score`" in caught.value.do


def damage_count(manifest):
    manifest["facts"]["n_rows"] = 8


def damage_config(manifest):
    manifest["config"]["threshold"] = 6.0


def damage_file_hash(manifest):
    manifest["files"]["scores.parquet"]["sha256"] = "0" * 64


def test_a_manifest_that_was_changed_is_told(store):
    ref = store.produce(RECIPE, build)
    whole = store.read_manifest(ref.uri)
    for damage in (damage_count, damage_config, damage_file_hash):
        manifest = json.loads(json.dumps(whole))
        damage(manifest)
        change(store, ref, "manifest.json", json.dumps(manifest).encode())
        for read in (lambda: store.open(ref), lambda: store.produce(RECIPE, must_not_build)):
            with pytest.raises(ArtifactError, match=r"damaged: manifest\.json"):
                read()


def test_a_manifest_that_is_none_is_told(store):
    ref = store.produce(RECIPE, build)
    for content in (b"", b"{", b"null", b"[]", b"7", b'"x"', b"{}", b'{"kind": "scores"}', b"\xff\x00"):
        change(store, ref, "manifest.json", content)
        with pytest.raises(ArtifactError) as caught:
            store.find(RECIPE)
        assert caught.value.where.endswith("/manifest.json")
        assert "`empathy score`" in caught.value.do


def test_a_manifest_of_other_content_than_the_reference_is_told(store):
    ref = store.produce(RECIPE, build)
    with pytest.raises(ArtifactError, match="damaged"):
        store.open(ref.model_copy(update={"sha256": "0" * 64}))


def test_an_artifact_that_is_not_there_is_told(store, root):
    uri = f"{root}/scores/none"
    with pytest.raises(ArtifactError, match="no artifact") as caught:
        store.read_ref(uri)
    assert caught.value.where == uri


def test_following_the_advice_for_a_damaged_artifact_mends_it(store):
    ref = store.produce(RECIPE, build)
    change(store, ref, "scores.parquet", b"x")
    with pytest.raises(ArtifactError) as caught:
        store.open(ref)
    command = caught.value.do.split(",")[0]
    if store.is_local:
        subprocess.run(command, shell=True, check=True)
    else:
        assert command == f"remove {ref.uri}"
        store.fs.rm(ref.uri, recursive=True)
    assert store.open(store.produce(RECIPE, build)).is_dir()


def test_a_folder_that_lost_its_manifest_is_told_and_not_overwritten(tmp_path):
    store = ArtifactStore(str(tmp_path / "root"), tmp_path / "cache")
    ref = store.produce(RECIPE, build)
    Path(ref.uri, "manifest.json").unlink()
    assert store.find(RECIPE) is None
    with pytest.raises(ArtifactError, match=r"damaged: manifest\.json"):
        store.produce(RECIPE, build)
