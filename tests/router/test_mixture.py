"""A mixture on disk: it comes back bit for bit, wherever the folder is, and not at all if it was altered."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ArtifactError, ConfigError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from tasks.experts import load_base  # noqa: E402 - after the skip
from tasks.router import compose_mixture, load_mixture, save_mixture  # noqa: E402 - likewise

TOKENS = torch.tensor([[1, 40, 7, 99, 12, 5, 300, 41, 8]])


def get_logits(model: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=TOKENS).logits


@pytest.fixture(params=["block", "linear"])
def saved(request: Any, base: Any, trained_experts: dict[str, Path], tmp_path: Path) -> tuple[Any, Path]:
    """A mixture whose weights were all changed after it was composed, and the folder it was saved in."""
    model = compose_mixture(load_base(base, "cpu")[0], trained_experts, request.param, init_std=1.0, seed=5)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if ".router." in name or ".experts." in name:
                value.add_(0.01 * torch.randn(value.shape, generator=torch.Generator().manual_seed(2)))
    save_mixture(model, base, tmp_path / "mixture")
    return model, tmp_path / "mixture"


def test_a_saved_mixture_comes_back_bit_for_bit_from_another_folder(saved: Any, base: Any, tmp_path: Path) -> None:
    model, folder = saved
    moved = tmp_path / "moved"
    shutil.move(folder, moved)

    again, tokenizer = load_mixture(moved, base, "cpu")

    assert torch.equal(get_logits(model), get_logits(again))
    assert model.mixture == again.mixture
    assert tokenizer.chat_template


def test_the_folder_holds_gates_and_plain_peft_adapters_and_no_path(saved: Any, base: Any, tmp_path: Path) -> None:
    _, folder = saved
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    adapter = ["adapter_config.json", "adapter_model.safetensors"]
    experts = [f"experts/{name}/{file}" for name in ("rationality", "sensibility") for file in adapter]
    assert [*experts, "mixture.json", "router.safetensors"] == files
    index = json.loads((folder / "mixture.json").read_text())
    assert index["base"] == {"name": "tiny-llama", "revision": "", "digest": base.digest}
    assert index["experts"] == ["sensibility", "rationality"]
    assert str(tmp_path) not in (folder / "mixture.json").read_text()


def test_an_expert_taken_out_of_a_mixture_is_served_by_peft(
    base: Any, trained_experts: dict[str, Path], tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    model = compose_mixture(load_base(base, "cpu")[0], trained_experts, "block", init_std=1.0, seed=5)
    save_mixture(model, base, tmp_path)

    def load(folder: Path) -> Any:
        return peft.PeftModel.from_pretrained(load_base(base, "cpu")[0], folder).eval()

    for name, folder in trained_experts.items():
        assert torch.equal(get_logits(load(folder)), get_logits(load(tmp_path / "experts" / name)))


@pytest.mark.parametrize(
    "name",
    [
        "router.safetensors",
        "experts/sensibility/adapter_model.safetensors",
        "experts/rationality/adapter_config.json",
    ],
)
def test_a_tampered_or_missing_file_is_refused_by_its_name(saved: Any, base: Any, name: str) -> None:
    _, folder = saved
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match="is not what") as caught:
        load_mixture(folder, base, "cpu")
    assert str(folder / name) == caught.value.where
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match="missing"):
        load_mixture(folder, base, "cpu")


@pytest.mark.parametrize(
    ("field", "value"),
    [("format_version", 2), ("experts", ["../sensibility", "rationality"]), ("routing", "random"), ("extra", 1)],
)
def test_an_index_that_says_something_else_is_refused(saved: Any, base: Any, field: str, value: Any) -> None:
    _, folder = saved
    index = json.loads((folder / "mixture.json").read_text())
    (folder / "mixture.json").write_text(json.dumps({**index, field: value}))
    with pytest.raises(ArtifactError, match="no index that this version reads"):
        load_mixture(folder, base, "cpu")


def test_an_index_that_reads_well_but_is_not_the_one_written_is_refused(saved: Any, base: Any, tmp_path: Path) -> None:
    from tasks.artifacts import ArtifactStore
    from tasks.manifest import Recipe

    _, folder = saved
    store = ArtifactStore(str(tmp_path / "artifacts"), tmp_path / "cache")

    def build(place: Path) -> dict[str, Any]:
        shutil.copytree(folder, place, dirs_exist_ok=True)
        return {"n_rows": 0}

    ref = store.produce(Recipe("mixture", 1, {}), build)
    assert load_mixture(Path(ref.uri), base, "cpu")
    index = json.loads((folder / "mixture.json").read_text())
    swapped = {**index, "experts": index["experts"][::-1]}  # each gate would open the other expert
    Path(ref.uri, "mixture.json").write_text(json.dumps(swapped))
    for refuse in (lambda: store.open(ref), lambda: load_mixture(Path(ref.uri), base, "cpu")):
        with pytest.raises(ArtifactError, match=r"mixture\.json is not what its manifest says"):
            refuse()


def test_a_pickle_is_no_expert_and_no_router(saved: Any, base: Any) -> None:
    _, folder = saved
    for name in ("experts/sensibility/adapter_model.safetensors", "router.safetensors"):
        path = folder / name
        kept = path.read_bytes()
        path.rename(path.with_suffix(".bin"))
        with pytest.raises(ArtifactError, match="missing"):
            load_mixture(folder, base, "cpu")
        path.write_bytes(kept)
    assert load_mixture(folder, base, "cpu")


def test_a_folder_without_a_mixture_or_another_base_is_refused(saved: Any, base: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no mixture here"):
        load_mixture(tmp_path / "nothing", base, "cpu")
    with pytest.raises(ArtifactError, match="was trained on the base 'tiny-llama'"):
        load_mixture(saved[1], replace(base, digest="0" * 32), "cpu")


def test_a_model_that_is_no_mixture_is_not_saved_as_one(base: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a mixture"):
        save_mixture(load_base(base, "cpu")[0], base, tmp_path)
