"""A judge is what could change its scores: no more and no less."""

import json

import pytest

from tasks.config import JudgeConfig
from tasks.errors import ConfigError
from tasks.scoring import identify_judge, load_rubric, read_identity, slugify, write_identity

LLM = {"kind": "openai", "model": "gpt-4o-mini"}
HOST = "https://api.openai.com/v1"


def identify(base_url=HOST, **changes):
    return identify_judge(JudgeConfig(**{**LLM, **changes}), base_url)


def test_an_id_is_stable_between_runs_and_machines():
    assert identify().judge_id == identify().judge_id
    assert len(identify().judge_id) == 16
    assert identify().alias == "gpt-4o-mini-paper"
    assert identify().rubric_text == load_rubric("paper")


@pytest.mark.parametrize(
    "changes",
    [{"model": "gpt-4o"}, {"temperature": 0.5}, {"endpoint_alias": "mine"}, {"base_url": "http://localhost:8000/v1"}],
)
def test_whatever_could_change_a_score_changes_the_id(changes):
    assert identify(**changes).judge_id != identify().judge_id


def test_an_endpoints_address_without_a_name_is_its_host_and_the_public_one_is_the_default():
    assert identify("https://api.openai.com/other/path").judge_id == identify().judge_id
    assert identify(None).judge_id == identify().judge_id
    assert identify("http://10.0.0.7:8000/v1").endpoint_alias == "10.0.0.7:8000"


def test_a_named_endpoint_may_move_without_losing_its_scores():
    moved = identify("http://a:1/v1", endpoint_alias="gpu"), identify("http://b:2/v1", endpoint_alias="gpu")
    assert moved[0].judge_id == moved[1].judge_id


def test_a_password_in_the_address_stands_nowhere():
    assert "secret" not in str(identify("https://user:secret@judge.example:8443/v1"))
    assert identify("https://user:secret@judge.example:8443/v1").endpoint_alias == "judge.example:8443"


@pytest.mark.parametrize("base_url", ["localhost:8000", "ftp://x/v1", "http://", "http://[bad/v1", "u:secret@host/v1"])
def test_an_address_that_is_none_is_told_before_anything_is_asked(base_url):
    with pytest.raises(ConfigError, match="not an http") as caught:
        identify(base_url, endpoint_alias="mine")
    assert "secret" not in str(caught.value)


def test_recorded_replies_are_known_by_their_content(tmp_path):
    def identify_file(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return identify_judge(JudgeConfig(kind="replies", replies_file=str(tmp_path / name)), None)

    first, renamed, changed = (
        identify_file("a.jsonl", "x"),
        identify_file("b.jsonl", "x"),
        identify_file("a.jsonl", "y"),
    )
    assert first.judge_id == renamed.judge_id != changed.judge_id
    assert first.alias == "replies-a"


def test_recorded_replies_that_do_not_exist_are_told(tmp_path):
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(ConfigError) as caught:
            identify_judge(JudgeConfig(kind="replies", replies_file=str(path)), None)
        assert caught.value.where == str(path)


def test_the_bundled_judge_is_known_by_its_weights():
    judge = identify_judge(JudgeConfig(), None)
    assert (judge.alias, judge.kind) == ("distilled", "distilled")
    assert judge.parameters["weights"]


def test_an_identity_kept_beside_the_journal_is_read_back(tmp_path):
    write_identity(tmp_path / "journal", identify())
    assert read_identity(tmp_path / "journal") == identify()
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["judge.json"]
    with pytest.raises(OSError, match="No such file"):
        read_identity(tmp_path)
    (tmp_path / "judge.json").write_text(json.dumps([])[:1], encoding="utf-8")
    with pytest.raises(ValueError, match="Expecting value"):
        read_identity(tmp_path)


def test_an_unknown_rubric_is_told():
    for name in ("nothing", "../../pyproject", ""):
        with pytest.raises(ConfigError):
            load_rubric(name)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("GPT-4o mini", "gpt-4o-mini"), ("meta/Llama 3:8b", "meta-llama-3-8b"), ("../../etc/passwd", "etc-passwd"),
     ("", "judge"), ("…", "judge"), ("a\x00b\nc", "a-b-c"), ("v1.5", "v1.5")],
)  # fmt: skip
def test_a_slug_is_safe_in_paths(name, slug):
    assert slugify(name) == slug
