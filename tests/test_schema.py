"""Keys and digests: equal where a reader sees no difference, different everywhere else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.schema import ArtifactRef, Utterance, canonical_json, digest_of, make_turn_key, normalise_text

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
CONTEXT = st.lists(st.builds(Utterance, st.sampled_from(["speaker", "listener"]), TEXT), max_size=3)


def key(*texts, response="Oh."):
    return make_turn_key([Utterance("speaker", text) for text in texts], response)


@pytest.mark.parametrize("same", [" I won ", "I\twon", "I\nwon", "I\u00a0won"])
def test_white_space_does_not_matter(same):
    assert key(same) == key("I won")
    assert key("x", response=same) == key("x", response="I won")


def test_unicode_composition_does_not_matter():
    assert key("cafe\u0301") == key("caf\u00e9")


@pytest.mark.parametrize("other", ["i won", "I won.", "I won!", "Iwon", "I wön", ""])
def test_what_a_reader_sees_matters(other):
    assert key(other) != key("I won")
    assert key("x", response=other) != key("x", response="I won")


def test_who_said_it_and_where_it_stands_matters():
    said = Utterance("speaker", "I won")
    assert make_turn_key([said], "Oh.") != make_turn_key([Utterance("listener", "I won")], "Oh.")
    assert key("a", "b") != key("a b") != key("b", "a")
    assert make_turn_key([said], "Oh.") != make_turn_key([], "I won")


def test_a_key_is_the_same_on_every_machine():
    assert key("I won") == "805c4df9ba54a382fcffe0c45a9018eca972ea87309f1707e59bfe1621fe1ff0"


@given(CONTEXT, TEXT)
def test_any_turn_has_a_key_of_64_digits(context, response):
    assert re.fullmatch("[0-9a-f]{64}", make_turn_key(context, response))


@given(TEXT)
def test_normalising_twice_changes_nothing_more(text):
    assert normalise_text(normalise_text(text)) == normalise_text(text)


def test_a_digest_does_not_depend_on_the_order_of_names():
    assert digest_of({"a": 1, "b": {"c": 2, "d": 3}}) == digest_of({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})
    assert digest_of({"a": [1, 2]}) != digest_of({"a": [2, 1]})
    assert canonical_json({"b": "é", "a": [1, 2.5]}) == '{"a":[1,2.5],"b":"é"}'.encode()


def test_a_reference_is_frozen_and_takes_no_other_field():
    ref = ArtifactRef(kind="scores", uri="/x", sha256="a", n_rows=0, config_digest="d")
    assert ArtifactRef.model_validate_json(ref.model_dump_json()) == ref
    with pytest.raises(ValueError, match="frozen"):
        ref.n_rows = 3
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        ArtifactRef(kind="scores", uri="/x", sha256="a", n_rows=-1, config_digest="d")
