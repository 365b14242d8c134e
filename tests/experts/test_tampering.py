"""An expert that was altered is refused, in the store and as a bare folder; a pickle is never read."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks.artifacts import ArtifactStore
from tasks.config import ExpertConfig
from tasks.errors import ArtifactError, ConfigError
from tasks.experts import Base, check_base, check_expert, load_base, load_expert, prepare_base, train_expert
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

pytestmark = pytest.mark.train
pytest.importorskip("torch")

CONFIG = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut")
WEIGHTS = "adapter_model.safetensors"


class Trap:
    """A pickle of it writes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module")
def made(base: Base, make_rows: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[ArtifactStore, ArtifactRef]:
    """A store with one expert."""
    place = tmp_path_factory.mktemp("store")
    store = ArtifactStore(str(place / "artifacts"), place / "cache")
    recipe = Recipe("expert", 1, {})
    build = lambda folder: train_expert(base, make_rows(4), CONFIG, folder, "sensibility", n_steps=1)  # noqa: E731
    return store, store.produce(recipe, build)


@pytest.fixture
def folder(made: tuple[ArtifactStore, ArtifactRef], tmp_path: Path) -> Path:
    """A copy of the expert's folder."""
    return Path(shutil.copytree(made[1].uri, tmp_path / "expert"))


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", [WEIGHTS, "adapter_config.json", "training.json"])
def test_an_altered_file_is_refused_by_the_store_and_in_a_bare_folder(
    made: tuple[ArtifactStore, ArtifactRef], folder: Path, base: Base, tmp_path: Path, name: str
) -> None:
    store, ref = made
    place = tmp_path / "artifacts" / ref.kind / ref.config_digest
    copied = ArtifactStore(str(shutil.copytree(Path(store.root), tmp_path / "artifacts")), tmp_path / "cache")
    flip_byte(place / name)
    with pytest.raises(ArtifactError, match=f"{name} is not what its manifest says"):
        copied.open(ref.model_copy(update={"uri": str(place)}))
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text + b"\n")  # still JSON: only the hash can tell
    with pytest.raises(ArtifactError, match=f"{name} is not what its manifest says"):
        load_expert(folder, base, "cpu")


def test_a_manifest_that_was_made_to_fit_is_refused(folder: Path, base: Base) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][WEIGHTS]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"manifest\.json is not what"):
        check_expert(folder, base)


def test_without_a_manifest_weights_that_cannot_be_read_are_refused(folder: Path, base: Base) -> None:
    (folder / "manifest.json").unlink()
    check_expert(folder, base)  # nothing says what it was
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:100])
    with pytest.raises(ArtifactError, match="damaged: it cannot be read") as caught:
        load_expert(folder, base, "cpu")
    assert "empathy train" in caught.value.do


def test_a_pickle_instead_of_the_weights_is_refused_and_beside_them_ignored(
    folder: Path, base: Base, tmp_path: Path
) -> None:
    sprung = tmp_path / "sprung"
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Trap(sprung)))
    load_expert(folder, base, "cpu")
    (folder / "manifest.json").unlink()
    load_expert(folder, base, "cpu")
    (folder / WEIGHTS).unlink()
    for refuse in (load_expert, check_expert):
        with pytest.raises(ArtifactError, match="no expert here"):
            refuse(folder, base)
    assert not sprung.exists()


def test_a_base_that_is_a_pickle_is_refused_and_one_beside_its_weights_ignored(base: Base, tmp_path: Path) -> None:
    sprung, folder = tmp_path / "sprung", Path(shutil.copytree(base.path, tmp_path / "base"))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(sprung)))
    load_base(prepare_base(str(folder), "", tmp_path), "cpu")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="holds no model"):
        check_base(str(folder))
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_base(Base("renamed", str(folder), "", ""), "cpu")
    assert not sprung.exists()
