"""The bundled judge: what it promises for any turn, and what its file is."""

import json
import re
import struct
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import ArtifactError
from tasks.schema import Turn, Utterance, make_turn_key
from tasks.scoring import DIMENSIONS, DistilledJudge, write_weights
from tasks.scoring.distilled import BUNDLED_WEIGHTS
from tasks.scoring.distilled_weights import FORMAT, SHAPES, hash_tensors, read_weights

JUDGE = DistilledJudge.load()
TEXT = st.text(max_size=60)
UTTERANCE = st.builds(Utterance, st.sampled_from(("speaker", "listener")), TEXT)


def make_turn(response: str, *said: str) -> Turn:
    context = tuple(Utterance("listener" if n % 2 else "speaker", text) for n, text in enumerate(said))
    return Turn(make_turn_key(context, response), context, response)


SOME_TURNS = [
    make_turn("Oh no, I am so sorry. That must have been awful for you!", "My cat died this morning."),
    make_turn("Did you call a doctor? You should rest for two days.", "I fell off a ladder."),
    make_turn("ok", "I won the race!", "Which one?", "The one in our village."),
]


def test_scores_are_whole_numbers_from_0_to_10_with_their_deviations() -> None:
    scored = JUDGE.score(SOME_TURNS)
    assert scored.scores.shape == scored.deviations.shape == scored.ranks.shape == (3, 2)
    assert (scored.scores == scored.scores.round()).all()
    assert (scored.deviations > 0).all()
    assert JUDGE.coverage == 0.9
    assert ((scored.low <= scored.scores) & (scored.scores <= scored.high)).all()
    assert (scored.low < scored.high).all()


def test_warmth_is_sensibility_and_advice_is_rationality() -> None:
    warm, advice, _ = JUDGE.score(SOME_TURNS).scores
    assert warm[0] > advice[0]
    assert advice[1] > warm[1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(lambda said, text: Turn("", tuple(said), text), st.lists(UTTERANCE, max_size=4), TEXT)))
def test_any_turn_gets_a_score_in_range_whatever_its_company(turns: list[Turn]) -> None:
    together = JUDGE.score(turns)
    assert together.scores.shape == (len(turns), 2)
    assert ((together.scores >= 0) & (together.scores <= 10)).all()
    alone = [JUDGE.score([turn]).scores[0] for turn in turns]
    assert together.scores.tolist() == [scores.tolist() for scores in alone]


def test_a_second_load_gives_the_same_digest_and_scores() -> None:
    again = DistilledJudge.load()
    assert again.digest == JUDGE.digest
    assert again.score(SOME_TURNS).ranks.tolist() == JUDGE.score(SOME_TURNS).ranks.tolist()


def test_batches_are_joined_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = JUDGE.score(SOME_TURNS * 3).ranks
    monkeypatch.setattr("tasks.scoring.distilled.BATCH_SIZE", 2)
    assert JUDGE.score(SOME_TURNS * 3).ranks.tolist() == whole.tolist()


def test_saved_weights_are_the_same_bytes_and_the_same_judge(tmp_path: Path) -> None:
    digest = write_weights(JUDGE.weights, tmp_path / "copy.safetensors")
    assert digest == JUDGE.digest
    assert (tmp_path / "copy.safetensors").read_bytes() == BUNDLED_WEIGHTS.read_bytes()
    copy = DistilledJudge.load(tmp_path / "copy.safetensors")
    assert copy.score(SOME_TURNS).ranks.tolist() == JUDGE.score(SOME_TURNS).ranks.tolist()


def test_the_file_is_small_and_holds_numbers_only() -> None:
    """Its header names the tensors and one hash; the rest is floating point, and no word can be found in it."""
    blob = BUNDLED_WEIGHTS.read_bytes()
    assert len(blob) < 2_000_000
    (size,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + size])
    metadata = header.pop("__metadata__")
    assert [re.fullmatch(r"[0-9a-f]{64}", value) is not None for value in metadata.values()] == [True]
    maps = ("values", "cuts", "deviations", "interval.cuts", "interval.low", "interval.high")
    parts = {f"{dimension}.{name}" for dimension in DIMENSIONS for name in maps}
    assert set(header) == set(SHAPES) | parts
    assert {entry["dtype"] for entry in header.values()} == {"F16", "F32"}
    assert max(entry["data_offsets"][1] for entry in header.values()) == len(blob) - 8 - size
    sample = (resources.files("tasks.dialogues") / "sample" / "train.csv").read_text(encoding="utf-8").lower()
    words = [word for word, _ in Counter(re.findall(r"[a-z]{6,}", sample)).most_common(300)]
    body = blob[8 + size :].lower()
    assert [word for word in words if word.encode() in body] == []


def test_all_weights_are_finite_and_the_maps_ascend() -> None:
    weights, _ = read_weights(BUNDLED_WEIGHTS)
    assert all(np.isfinite(getattr(weights, name)).all() for name in SHAPES)
    for fitted in weights.maps:
        assert (np.diff(fitted.values) > 0).all()
        assert (np.diff(fitted.cuts) >= 0).all()
        assert 0 <= fitted.values[0] <= fitted.values[-1] <= 10
    for interval in weights.intervals:
        assert len(interval.low) == len(interval.high) == len(interval.cuts) + 1
        for rising in (interval.cuts, interval.low, interval.high):
            assert (np.diff(rising) >= 0).all()


@pytest.mark.parametrize("where", [4, 40, 200_000, -1])
def test_a_changed_byte_is_an_error_that_names_the_file(tmp_path: Path, where: int) -> None:
    blob = bytearray(BUNDLED_WEIGHTS.read_bytes())
    blob[where] ^= 0xFF
    path = tmp_path / "changed"
    path.write_bytes(bytes(blob))
    with pytest.raises(ArtifactError, match=path.name):
        DistilledJudge.load(path)


def test_a_torn_a_foreign_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "torn").write_bytes(BUNDLED_WEIGHTS.read_bytes()[:5000])
    save_file({"idf": np.zeros(3, np.float32)}, tmp_path / "foreign")
    for name, what in (("torn", "damaged"), ("foreign", "not a file of"), ("missing", "cannot be read")):
        with pytest.raises(ArtifactError, match=what):
            DistilledJudge.load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("rationality.cuts", None),
        ("sensibility.interval.low", None),
        ("sensibility.deviations", np.ones(3, np.float32)),
        ("rationality.values", np.float32(5)),
        ("landmarks.vectors", np.ones((4, 6), np.float16)),
        ("unheard.of", np.ones(1, np.float32)),
    ],
)
def test_weights_made_by_hand_that_lack_a_part_are_refused(
    tmp_path: Path, name: str, tensor: np.ndarray | None
) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(BUNDLED_WEIGHTS)
    tensors.pop(name, None)
    tensors |= {} if tensor is None else {name: np.asarray(tensor)}
    save_file(tensors, tmp_path / "made", metadata={FORMAT: hash_tensors(tensors)})
    with pytest.raises(ArtifactError, match="lack a part"):
        DistilledJudge.load(tmp_path / "made")
