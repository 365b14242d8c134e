"""Features: pure, row by row, and the same for ever."""

import hashlib

import numpy as np

from tasks.schema import Turn, Utterance, make_turn_key
from tasks.scoring import N_BUCKETS, extract_features, weigh_ngrams
from tasks.scoring.features import BLOCKS, BUCKETS_PER_BLOCK, MAX_CHARS
from tasks.scoring.surface import SURFACE_MEASURES


def make_turn(response: str, *said: str) -> Turn:
    context = tuple(Utterance("speaker", text) for text in said)
    return Turn(make_turn_key(context, response), context, response)


TURNS = [
    make_turn("I'm sorry! What happened?", "We lost, 3 to 4.", "Naïve — as ever 😀"),
    make_turn("", ""),
    make_turn("Fine."),
]


def buckets_of(turns: list[Turn], row: int) -> list[int]:
    features = extract_features(turns)
    return sorted(features.bucket[features.row == row].tolist())


def test_the_features_are_those_the_bundled_weights_were_fitted_on() -> None:
    """A change here makes every weights file worthless: raise FORMAT in distilled_weights and distil again."""
    features = extract_features(TURNS)
    order = np.lexsort((features.bucket, features.row))
    blob = features.row[order].tobytes() + features.bucket[order].tobytes() + features.surface.round(4).tobytes()
    assert hashlib.sha256(blob).hexdigest()[:16] == "3b38cab41967de12"


def test_a_row_depends_on_its_own_turn_only() -> None:
    assert [buckets_of(TURNS, row) for row in range(3)] == [buckets_of([turn], 0) for turn in TURNS]


def test_turns_of_one_key_have_the_same_features() -> None:
    one = make_turn("That's a  shame.", "It\nbroke \u0041\u030a")
    other = make_turn(" That's a shame. ", "It broke \u00c5")
    assert one.turn_key == other.turn_key
    features = extract_features([one, other])
    assert buckets_of([one, other], 0) == buckets_of([one, other], 1)
    assert features.surface[0].tolist() == features.surface[1].tolist()


def test_typographic_quotes_make_no_difference() -> None:
    assert buckets_of([make_turn("It’s fine")], 0) == buckets_of([make_turn("It's fine")], 0)


def test_a_text_of_n_words_and_m_characters_has_its_ngrams() -> None:
    """Words 1-3: 3 + 2 + 1; characters 2-5: (m - 1) + (m - 2) + (m - 3) + (m - 4); no context, none of its own."""
    block = extract_features([make_turn("so it goes")]).bucket // BUCKETS_PER_BLOCK
    assert np.bincount(block, minlength=len(BLOCKS)).tolist() == [6, 9 + 8 + 7 + 6, 0]


def test_equal_ngrams_share_a_bucket_and_different_ones_hardly_ever() -> None:
    words = [f"w{number}" for number in range(2000)]
    features = extract_features([make_turn(word) for word in [*words, words[0]]])
    in_words = features.bucket[features.bucket < BUCKETS_PER_BLOCK]
    assert in_words[0] == in_words[-1]
    assert len(set(in_words.tolist())) > 1960  # 2,000 into 100,000: about 20 collisions by chance


def test_the_end_of_a_context_counts_and_the_beginning_of_a_response() -> None:
    long = make_turn("a" * MAX_CHARS, "b" * MAX_CHARS)
    longer = make_turn("a" * MAX_CHARS + "zzz", "zzz " + "b" * MAX_CHARS)
    assert buckets_of([long], 0) == buckets_of([longer], 0)


def test_each_block_of_a_turn_has_its_norm_and_unknown_ngrams_count_nothing() -> None:
    features = extract_features(TURNS)
    known = np.ones(N_BUCKETS, np.float32)
    counts = np.ones(len(features.row), np.float32)
    value = weigh_ngrams(features.row, features.bucket, counts, known, len(TURNS))
    assert np.isfinite(value).all()
    part = features.row * len(BLOCKS) + features.bucket // BUCKETS_PER_BLOCK
    squares = np.bincount(part, value**2, minlength=9).reshape(3, 3)
    weights = [block.weight for block in BLOCKS.values()]
    assert np.allclose(squares, np.array([weights, [0.0] * 3, [*weights[:2], 0.0]]), atol=1e-5)
    unknown = weigh_ngrams(features.row, features.bucket, counts, 0 * known, len(TURNS))
    assert not unknown.any()


def test_surface_measures_say_what_their_names_say() -> None:
    turn = make_turn("Sorry! Did you lose 2 cats?", "I lost my cats.")
    measured = dict(zip(SURFACE_MEASURES, extract_features([turn]).surface[0].tolist(), strict=True))
    expected = {
        "sentences": 2,
        "question marks": 1,
        "exclamation marks": 1,
        "ends with a question mark": 1,
        "ends with an exclamation mark": 0,
        "holds a digit": 1,
        "starts with a capital": 1,
        "asks and says": 1,
        "at most four words": 0,
        "context: utterances": 1,
        "context: one utterance": 1,
        "share of words taken from the last utterance": 1 / 6,
        "share of second-person words": 1 / 8,
    }
    assert {name: round(measured[name], 6) for name in expected} == {n: round(v, 6) for n, v in expected.items()}
