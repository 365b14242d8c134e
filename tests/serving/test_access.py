"""Which addresses go without a key, and which model a name means."""

import pytest
from pydantic import SecretStr

from tasks.errors import ArtifactError, ConfigError, UsageError
from tasks.serving import check_access, find_model
from tasks.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_no_key(host):
    check_access(host, None, is_open=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.7", "example.org", "localhost.example.org"])
def test_another_address_needs_a_key_or_the_word_that_none_is_wanted(host):
    with pytest.raises(ConfigError, match="Without a key"):
        check_access(host, None, is_open=False)
    check_access(host, SecretStr("key"), is_open=False)
    check_access(host, None, is_open=True)


def test_the_key_of_the_settings_is_not_shown(monkeypatch):
    monkeypatch.setenv("EMPATHY_SERVE_API_KEY", "sk-CANARY")
    settings = Settings()
    assert settings.serve_api_key.get_secret_value() == "sk-CANARY"
    assert "CANARY" not in f"{settings!r} {settings.model_dump_json()}"


@pytest.mark.train
def test_a_model_is_found_by_its_name_or_its_folder(served_home, make_home):
    home = make_home(served_home)
    mixture = find_model(home, "mixture")
    assert (mixture.name, mixture.prompt_format) == ("mixture", "chat")
    assert find_model(home, mixture.ref.uri) == mixture
    expert = find_model(home, "rationality")
    assert find_model(home, f"{expert.ref.uri}/") == expert
    assert (find_model(home, "base").ref, find_model(home, "base").trained_on) == (None, mixture.ref)
    with pytest.raises(UsageError, match="here are base, mixture, sensibility, rationality"):
        find_model(home, "union")
    with pytest.raises(ArtifactError, match="no artifact here"):
        find_model(home, "./nowhere")


@pytest.mark.parametrize("model", ["base", "mixture", "sensibility", "nobody"])
def test_an_empty_home_has_no_model(home, model):
    with pytest.raises(UsageError, match=f"no model '{model}' here yet"):
        find_model(home, model)
