"""The machine's settings: from the environment, in every process anew, and without a key in sight."""

import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.home import open_home
from tasks.settings import Settings

KEY = "sk-CANARY0123456789"
NAMES = (
    "EMPATHY_HOME", "EMPATHY_ARTIFACTS", "EMPATHY_JUDGE_BASE_URL", "EMPATHY_JUDGE_API_KEY", "EMPATHY_HF_TOKEN",
    "EMPATHY_DEVICE", "EMPATHY_LOCK_TIMEOUT_S", "EMPATHY_SERVE_API_KEY", "OPENAI_BASE_URL",
    "OPENAI_API_KEY", "HF_TOKEN",
)  # fmt: skip


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_everything_stands_in_the_home_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings()
    home = tmp_path / ".efficient-empathy"
    assert settings.home_dir == home
    assert settings.database == home / "empathy.duckdb"
    assert settings.journal_dir == home / "journal"
    assert settings.cache_dir == home / "cache"
    assert settings.artifacts_url == str(home / "artifacts")
    assert (settings.judge_base_url, settings.judge_api_key, settings.hf_token) == (None, None, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("s3://bucket/deep/", "s3://bucket/deep"),
        ("/srv/artifacts", "/srv/artifacts"),
        ("/srv/artifacts/", "/srv/artifacts"),
    ],
)
def test_artifacts_may_stand_elsewhere(monkeypatch, given, expected):
    monkeypatch.setenv("EMPATHY_ARTIFACTS", given)
    assert Settings().artifacts_url == expected


def test_relative_paths_and_tildes_become_absolute(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPATHY_HOME", "here")
    monkeypatch.setenv("EMPATHY_ARTIFACTS", "~/there")
    assert Settings().home_dir == tmp_path / "here"
    assert Settings().artifacts_url == str(tmp_path / "there")


def test_our_own_names_go_before_the_usual_ones(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "usual")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://usual/v1")
    monkeypatch.setenv("HF_TOKEN", "usual")
    assert Settings().judge_api_key.get_secret_value() == "usual"
    assert Settings().hf_token.get_secret_value() == "usual"
    monkeypatch.setenv("EMPATHY_JUDGE_API_KEY", "ours")
    monkeypatch.setenv("EMPATHY_JUDGE_BASE_URL", "http://ours/v1")
    monkeypatch.setenv("EMPATHY_HF_TOKEN", "ours")
    settings = Settings()
    assert settings.judge_api_key.get_secret_value() == "ours"
    assert settings.hf_token.get_secret_value() == "ours"
    assert settings.judge_base_url == "http://ours/v1"


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert settings.judge_api_key is None
    assert settings.home == Path("~/.efficient-empathy")


def test_a_key_is_not_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", KEY)
    settings = Settings()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert KEY not in shown


@pytest.mark.parametrize(
    ("name", "value"), [("EMPATHY_DEVICE", "tpu"), ("EMPATHY_LOCK_TIMEOUT_S", "0"), ("EMPATHY_LOCK_TIMEOUT_S", "soon")]
)
def test_a_wrong_value_is_refused_by_name_without_showing_the_keys(monkeypatch, name, value):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("EMPATHY_").lower()) as caught:
        Settings()
    assert KEY not in str(caught.value)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().device = "cpu"


def test_a_home_opens_its_stores_where_the_settings_say(monkeypatch, tmp_path):
    monkeypatch.setenv("EMPATHY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EMPATHY_LOCK_TIMEOUT_S", "3")
    home = open_home()
    assert home.store.path == tmp_path / "home" / "empathy.duckdb"
    assert home.store.lock_timeout_s == 3
    assert home.artifacts.root == str(tmp_path / "home" / "artifacts")
    assert not (tmp_path / "home").exists()


def test_settings_of_another_process_are_equal(monkeypatch):
    monkeypatch.setenv("EMPATHY_HOME", "/somewhere")
    assert pickle.loads(pickle.dumps(Settings())) == Settings()
