"""Anchors are read and checked, and the cases derived from them differ in nothing but what their relation is about."""

import re

import pytest

from tasks.errors import ConfigError
from tasks.judges import derive_cases, digest_cases, read_anchors
from tasks.judges.regression.cases import INJECTIONS, PADDINGS
from tasks.schema import make_turn_key, normalise_text
from tests.judges.small_anchors import SMALL, write_small

VARIANTS = {"warmth_removed", "advice_to_sympathy", "paraphrase"}


@pytest.fixture
def small(tmp_path):
    return derive_cases(read_anchors(write_small(tmp_path)))


def test_anchors_have_the_cases_that_their_kind_has(small):
    of_anchor = {}
    for case in small:
        of_anchor.setdefault((case.anchor.id, case.anchor.kind), []).append(case.relation)
    always = {"base", "paraphrase", "name_change", "padding", "injection"}
    assert {key: set(relations) for key, relations in of_anchor.items()} == {
        ("rain", "both"): always | {"warmth_removed", "advice_to_sympathy"},
        ("test", "warm"): always | {"warmth_removed"},
        ("soup", "neither"): always,
    }
    assert all(case.turn.turn_key == make_turn_key(case.turn.context, case.turn.response) for case in small)
    assert [said.role for said in small[8].turn.context] == ["speaker", "listener", "speaker"]


def test_a_name_changes_as_a_whole_word_everywhere_and_nothing_else_does(small):
    cases = {case.name: case.turn for case in small}
    renamed = cases["rain/name_change"]
    assert renamed.context[0].text == "My roof leaks on Eve's bed."
    assert renamed.response == "Oh no, poor Eve! A bucket tonight and a roofer tomorrow might do."
    assert cases["test/name_change"].context[2].text == "The test that Al failed."
    assert cases["test/name_change"].response == cases["test/base"].response


def test_what_is_appended_goes_by_the_place_of_the_anchor(small):
    cases = {case.name: case.turn.response for case in small}
    for place, name in enumerate(("rain", "test", "soup")):
        assert cases[f"{name}/padding"] == f"{cases[f'{name}/base']} {PADDINGS[place]}"
        assert cases[f"{name}/injection"] == f"{cases[f'{name}/base']} {INJECTIONS[place]}"


def test_the_digest_is_that_of_what_is_asked(small, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(SMALL.replace("[5, 9]", "[4, 9]"), encoding="utf-8")
    assert digest_cases(derive_cases(read_anchors(str(path)))) == digest_cases(small)
    path.write_text(SMALL.replace("Soup is soup.", "Soup is a soup."), encoding="utf-8")
    assert digest_cases(derive_cases(read_anchors(str(path)))) != digest_cases(small)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "soup"', 'id = "rain"', "Two anchors have the name 'rain'"),
        ('id = "soup"', 'id = "So up"', "Anchor 3 (So up) is wrong: id"),
        ('emotion = "bored"\n', "", "Anchor 3 (soup) is wrong: emotion: Field required"),
        ('names = ["Kim", "Lou"]', 'names = ["Zoe", "Lou"]', "the name 'Zoe' stands in none of the texts"),
        ('names = ["Kim", "Lou"]', 'names = ["Kim", "Soup"]', "the name 'Soup' stands in the texts already"),
        ('names = ["Kim", "Lou"]', 'names = ["Kim"]', "names"),
        ('context = ["I passed.", ', "context = [", "context has 2 texts"),
        ("sensibility = [6, 10]", "sensibility = [6, 11]", "sensibility.1"),
        ("sensibility = [6, 10]", "sensibility = [6, 5]", "sensibility goes from 6 down to 5"),
        ('paraphrase = "Soups are alike."', 'paraphrase = " Soup  is soup."', "paraphrase is the response itself"),
        ('paraphrase = "Soups are alike."\n', "", "paraphrase: Field required"),
        ('response = "Soup is soup."', 'response = ""', "response"),
        ('emotion = "bored"', 'emotion = "bored"\nmood = 1', "mood: Extra inputs are not permitted"),
        ("[[anchor]]\nid = \"rain\"", "[[ancor]]\nid = \"rain\"", "a list of [[anchor]], and nothing else"),
        ('id = "rain"', 'id = "rain', "The anchors cannot be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_anchors_is_told_with_the_file(tmp_path, old, new, said):
    assert old in SMALL
    path = tmp_path / "mine.toml"
    path.write_text(SMALL.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        read_anchors(str(tmp_path))
    assert caught.value.where.startswith(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"anchor = 3", b"anchor = []", b"\xff", b"x = 1"])
def test_a_file_without_anchors_is_refused(tmp_path, content):
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(ConfigError):
        read_anchors(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("place", ["nowhere", "x" * 4000, "empty"])
def test_a_place_without_files_of_anchors_is_refused(tmp_path, place):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no anchors here"):
        read_anchors(str(tmp_path / place))


def test_the_shipped_anchors_are_enough_and_all_cases_differ():
    anchors = read_anchors()
    cases = derive_cases(anchors)
    assert len(anchors) >= 60
    kinds = {anchor.kind: anchor.id.rpartition("-")[0] for anchor in anchors}
    assert kinds == {kind: kind for kind in ("both", "warm", "advice", "neither")}
    assert len({case.turn.turn_key for case in cases}) == len(cases) >= 5 * len(anchors)
    assert len({anchor.emotion for anchor in anchors}) >= 20


def test_what_is_appended_differs_and_is_no_part_of_the_shipped_anchors():
    said = " ".join(normalise_text(text) for anchor in read_anchors() for text in (*anchor.context, anchor.response))
    assert len(set(PADDINGS)) == len(PADDINGS) >= 5
    assert len(set(INJECTIONS)) == len(INJECTIONS) >= 10
    assert [text for text in (*PADDINGS, *INJECTIONS) if normalise_text(text) in said] == []
