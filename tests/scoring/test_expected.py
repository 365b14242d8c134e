"""Expected scores from log-probabilities, and means of samples: against sums made by hand and by brute force."""

import json
import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ScoreParseError
from tasks.scoring import ParsedScores, parse_reply
from tasks.scoring.expected import compact_logprobs, expect_scores, pool_samples

FORM = ["-", " Rationality", ":", " 3", "\n", "-", " Sens", "ibility", ":", " 8"]
JSON_REPLY = ['{"', "ration", "ality", '":', " ", "3", ",", ' "sensibility":', " 8", "}"]


def give(tokens, **candidates):
    """Return tokens as the journal keeps them; `at3={" 7": 0.5}` gives the third token's candidates."""
    named = {int(place.removeprefix("at")): some for place, some in candidates.items()}
    some_of = {place: {text: math.log(share) for text, share in some.items()} for place, some in named.items()}
    return [[token, some_of.get(place, {})] for place, token in enumerate(tokens)]


def expect(tokens, **candidates):
    return expect_scores("".join(tokens), give(tokens, **candidates))


def sd_of(shares):
    total = sum(shares.values())
    mean = sum(value * share for value, share in shares.items()) / total
    return math.sqrt(sum(share * (value - mean) ** 2 for value, share in shares.items()) / total)


def test_the_score_is_the_mean_over_the_candidates():
    found = expect(FORM, at3={" 3": 0.5, " 5": 0.5}, at9={" 8": 0.75, " 4": 0.25})
    assert found.rationality == pytest.approx(4)
    assert found.rationality_sd == pytest.approx(1)
    assert found.sensibility == pytest.approx(7)
    assert found.sensibility_sd == pytest.approx(math.sqrt(3))


def test_candidates_that_are_no_score_are_left_out_and_the_rest_renormalised():
    odd = {
        "\n": 0.2,
        " high": 0.1,
        " 11": 0.05,
        " 85": 0.05,
        "-1": 0.05,
        " -1": 0.05,
        " 7.5": 0.05,
        " 8th": 0.05,
        "": 0.1,
    }
    found = expect(JSON_REPLY, at5={"3": 1.0}, at8={" 8": 0.1, " 6": 0.1, **odd})
    assert found.sensibility == pytest.approx(7)
    assert found.sensibility_sd == pytest.approx(1)
    assert (found.rationality, found.rationality_sd) == (3, 0)


@pytest.mark.parametrize(
    ("token", "other"),
    [("8", "6"), (" 8", " 6"), ("▁8", "▁6"), ("Ġ8", "Ġ6"), (" 8", "Ġ6"), (" 8\n", " 6"), (" 8\n", " 6\n"),
     ("**8**", "**6**"), (" 8/10", " 6/"), (" 8.", " 6."), ("8", '"6')],
)  # fmt: skip
def test_a_token_may_carry_spaces_quotes_marks_and_what_follows(token, other):
    tokens = ["Rationality", ": ", "3", ", Sensibility", ":", token]
    reply = "".join(tokens).replace("▁", " ").replace("Ġ", " ")
    found = expect_scores(reply, give(tokens, at2={"3": 1.0}, at5={token: 0.5, other: 0.5}))
    assert found.sensibility == pytest.approx(7)


@pytest.mark.parametrize(
    ("before", "token", "other", "after"),
    [
        ('"sensibility"', ":8", ":6", "}"),
        ('"sensibility', '":8', '":6', "}"),
        ('"sensibility"', ':"8"', ':"6"', "}"),
        ('"sensibility', '": "8"}', '": "6"}', ""),
        ('"sensibility"', ": 8}", ": 6", ""),
        ('"sensibili', 'ty":8', 'ty":6', "}"),
        ("", '"sensibility":8}', '"sensibility":6}', ""),
        ('"turn 2": "x 9", ', '"sensibility": "8', '"sensibility": "6', '"}'),
    ],
)
def test_a_number_may_stand_inside_a_longer_token(before, token, other, after):
    tokens = ['{"rationality":', "3", f", {before}", token, after]
    strangers = {"6": 0.1, "sensibility": 0.2, ":x": 0.1, "9:5": 0.1}
    found = expect(tokens, at1={"3": 1.0}, at3={token: 0.5, other: 0.5, **strangers})
    assert found.sensibility == pytest.approx(7)


def test_ten_is_one_token_or_two():
    one = expect([*FORM[:9], " 10"], at3={" 3": 1.0}, at9={" 10": 0.5, " 8": 0.25, " 1": 0.25})
    assert one.sensibility == pytest.approx(0.5 * 10 + 0.25 * 8 + 0.25 * 1)
    two = expect(
        [*FORM[:9], " 1", "0"], at3={" 3": 1.0}, at9={" 1": 0.5, " 8": 0.5}, at10={"0": 0.6, "\n": 0.2, "": 0.2}
    )
    assert two.sensibility == pytest.approx(0.5 * (0.6 * 10 + 0.4 * 1) + 0.5 * 8)
    assert two.sensibility_sd == pytest.approx(sd_of({10: 0.3, 1: 0.2, 8: 0.5}))


def test_a_written_one_is_split_by_how_likely_a_zero_was_to_follow():
    tokens = ['{"rationality":', " 1", ", ", '"sensibility":', " 8", "}"]
    found = expect(tokens, at1={" 1": 1.0}, at2={", ": 0.45, "0": 0.15, "1": 0.4}, at4={" 8": 1.0})
    assert found.rationality == pytest.approx(0.75 * 1 + 0.25 * 10)
    unknown = expect(tokens, at1={" 1": 1.0}, at4={" 8": 1.0})
    assert (unknown.rationality, unknown.rationality_sd) == (1, 0)


def test_a_one_that_was_not_written_is_a_ten_only_beside_high_scores_in_a_vocabulary_of_digits():
    high = expect(FORM, at3={" 3": 1.0}, at9={" 8": 0.25, " 9": 0.5, " 1": 0.25})
    assert high.sensibility == pytest.approx(0.25 * 8 + 0.5 * 9 + 0.25 * 10)
    low = expect([*FORM[:9], " 2"], at3={" 3": 1.0}, at9={" 2": 0.5, " 1": 0.5})
    assert low.sensibility == pytest.approx(1.5)
    told = expect(FORM, at3={" 3": 0.9, " 10": 0.1}, at9={" 8": 0.25, " 9": 0.5, " 1": 0.25})
    assert told.sensibility == pytest.approx(0.25 * 8 + 0.5 * 9 + 0.25 * 1)
    ended = expect(FORM, at3={" 3": 1.0}, at9={" 8": 0.5, " 1\n": 0.5})
    assert ended.sensibility == pytest.approx(4.5)


def test_a_score_written_against_all_odds_does_not_count():
    logprobs = give(FORM, at3={" 3": 1.0})
    logprobs[9][1] = {" 1": -0.1, " 8": -9999.0}  # -9999 is said of what is not among the likeliest
    assert expect_scores("".join(FORM), logprobs).sensibility == 1


def test_a_number_in_another_notation_keeps_its_value():
    tokens = ['{"rationality": ', "1", "e", "1", ', "sensibility": ', "8", "}"]
    found = expect(tokens, at1={"1": 0.5, "2": 0.5}, at5={"8": 1.0})
    assert (found.rationality, found.rationality_sd) == (10, None)


def test_a_score_with_decimals_keeps_its_value():
    tokens = [*FORM[:9], " 7", ".", "5"]
    found = expect(tokens, at3={" 3": 0.5, " 4": 0.5}, at9={" 7": 0.5, " 8": 0.5}, at11={"5": 1.0})
    assert (found.sensibility, found.sensibility_sd) == (7.5, None)
    assert found.rationality == pytest.approx(3.5)


def test_the_score_is_found_by_its_key_and_never_in_a_sentence():
    tokens = ['{"rationality_evidence": "rationality: ', "9", ", sensibility ", "2", ' \\"sensibility\\": ', "4",
              '", "rationality": ', "3",
              ', "sensibility_evidence": "', "7", ' of ', "10", '", "sensibility": ', "8", "}"]  # fmt: skip
    places = {f"at{place}": {token: 1.0} for place, token in enumerate(tokens) if token.isdigit()}
    places |= {"at7": {"3": 0.5, "4": 0.5}, "at13": {"8": 0.5, "9": 0.5}}
    found = expect(tokens, **places)
    assert (found.rationality, found.sensibility) == (pytest.approx(3.5), pytest.approx(8.5))


@pytest.mark.parametrize(
    ("dress", "offset"), [("{}", 0), ("Well, 5 things: {}", 1), ("<think>sensibility: 2, rationality: 2</think>{}", 1)]
)
def test_words_around_the_answer_do_not_move_it(dress, offset):
    before, after = dress.split("{}")
    tokens = [before, *JSON_REPLY, after] if offset else JSON_REPLY
    found = expect(tokens, **{f"at{5 + offset}": {"3": 0.5, "4": 0.5}, f"at{8 + offset}": {" 8": 0.5, " 9": 0.5}})
    assert (found.rationality, found.sensibility) == (pytest.approx(3.5), pytest.approx(8.5))


def test_reasoning_end_marks_and_bytes_among_the_tokens_do_not_move_it():
    tokens = ["sensibility: ", "2", "</think>", '{"e": "', "bytes:\\xf0\\x9f", "\\x98\\x80", "<0x0A>", "Ã©",
              '", "rationality": ', "3", ', "sensibility": ', "8", "}", "<|im_end|>"]  # fmt: skip
    reply = '{"e": "😀\né", "rationality": 3, "sensibility": 8}'
    found = expect_scores(reply, give(tokens, at1={"2": 1.0}, at9={"3": 0.5, "4": 0.5}, at11={"8": 0.5, "9": 0.5}))
    assert (found.rationality, found.sensibility) == (pytest.approx(3.5), pytest.approx(8.5))


def test_what_cannot_be_told_is_refused():
    both = give(FORM, at3={" 3": 1.0}, at9={" 8": 1.0})
    with pytest.raises(ScoreParseError, match="no sensibility"):
        expect_scores("Rationality: 3", both)
    with pytest.raises(ScoreParseError, match="not those of this reply"):
        expect_scores("Rationality: 3\nSensibility: 7", both)
    for logprobs in (give(FORM), give(FORM, at3={" 3": 1.0}), give(FORM, at3={" 3": 1.0}, at9={" many": 1.0})):
        with pytest.raises(ScoreParseError, match="No candidate for sensibility"):
            expect_scores("".join(FORM), logprobs)
    with pytest.raises(ScoreParseError, match="not those of this reply"):
        expect_scores("".join(FORM), [])


SHARES = st.dictionaries(st.integers(0, 10), st.floats(1e-6, 1), min_size=1)


@given(shares=SHARES, mark=st.sampled_from(["", " ", "▁", "Ġ"]), seed=st.randoms(use_true_random=False))
def test_any_distribution_gives_its_brute_force_moments_in_any_order(shares, mark, seed):
    written = max(shares, key=shares.get)
    shares = {**shares, 10: shares.get(10, 1e-6)}  # so that "10" is seen to be one token
    tokens = ["Rationality", ":", " ", "3", " Sensibility", ":", f"{mark}{written}"]
    reply = "".join(tokens).replace("▁", " ").replace("Ġ", " ")
    pairs = [(f"{mark}{value}", share) for value, share in shares.items()] + [(" x", 0.5), ("", 0.2)]
    found = expect_scores(reply, give(tokens, at3={"3": 1.0}, at6=dict(pairs)))
    total = sum(shares.values())
    assert found.sensibility == pytest.approx(sum(value * share for value, share in shares.items()) / total)
    assert found.sensibility_sd == pytest.approx(sd_of(shares), abs=1e-7)
    assert 0 <= found.sensibility <= 10
    seed.shuffle(pairs)
    assert expect_scores(reply, give(tokens, at3={"3": 1.0}, at6=dict(pairs))) == found


@given(value=st.integers(0, 10), log_probability=st.floats(-9999, 0))
def test_a_point_mass_gives_the_point(value, log_probability):
    logprobs = give([*FORM[:9], f" {value}"], at3={" 3": 1.0})
    logprobs[9][1] = {f" {value}": log_probability}
    found = expect_scores("".join(token for token, _ in logprobs), logprobs)
    assert (found.sensibility, found.sensibility_sd) == (value, 0)


@given(
    scores=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    sentence=st.lists(st.sampled_from(["sensibility: 5", '"', " ", "10", "😀", "{", "\\", "é", "rationality"])).map(
        "".join
    ),
    cuts=st.sets(st.integers(0, 400)),
    is_ascii=st.booleans(),
)
def test_however_a_reply_is_cut_into_tokens_its_own_tokens_give_its_own_scores(scores, sentence, cuts, is_ascii):
    values = {"rationality_evidence": sentence, "rationality": scores[1], "sensibility_evidence": sentence,
              "sensibility": scores[0]}  # fmt: skip
    reply = json.dumps(values, ensure_ascii=is_ascii)
    edges = [0, *sorted(cut for cut in cuts if cut < len(reply)), len(reply)]
    tokens = [reply[start:end] for start, end in pairwise(edges)]
    found = expect_scores(reply, [[token, {token: -0.1}] for token in tokens])
    written = parse_reply(reply)
    assert (found.sensibility, found.rationality) == (written.sensibility, written.rationality)
    assert (found.sensibility_sd, found.rationality_sd) == (0, 0)


def test_the_journal_keeps_candidates_only_where_a_score_can_stand():
    def entry(token, logprob, *others):
        listed = [{"token": text, "logprob": value, "bytes": [1]} for text, value in others]
        return {"token": token, "logprob": logprob, "bytes": None, "top_logprobs": listed}

    content = [
        entry("Rationality:", -0.1, ("Rationality:", -0.1), ("-", -2)),
        entry(" 1", -0.1234567, (" 1", -0.1234567), (" 2", -2.00000049), (" 3", None), (" 4", float("-inf"))),
        entry("\n", -0.25, ("\n", -0.25), ("0", -1.5)),
        entry("Sensibility:", -0.1, ("Sensibility:", -0.1)),
        entry(" 8", -9999.0, (" 7", -0.5)),
    ]
    compact = compact_logprobs(content)
    assert compact == [
        ["Rationality:", {}],
        [" 1", {" 1": -0.12346, " 2": -2.0}],
        ["\n", {"\n": -0.25, "0": -1.5}],
        ["Sensibility:", {}],
        [" 8", {" 7": -0.5, " 8": -9999.0}],
    ]
    assert json.loads(json.dumps(compact)) == compact
    found = expect_scores("Rationality: 1\nSensibility: 8", compact)
    assert found.sensibility == pytest.approx(7)


@pytest.mark.parametrize("listed", [{}, {"top_logprobs": []}, {"top_logprobs": None}])
def test_log_probabilities_without_candidates_are_none(listed):
    assert compact_logprobs([{"token": " 8", "logprob": -0.1, **listed}]) == []
    assert compact_logprobs([]) == []


SAMPLES = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=20)


@given(SAMPLES)
def test_samples_give_mean_and_sample_deviation_in_any_order(pairs):
    samples = [ParsedScores(*pair) for pair in pairs]
    pooled = pool_samples(samples)
    assert pooled == pool_samples(samples[::-1])
    for place, (mean, sd) in enumerate(
        [(pooled.sensibility, pooled.sensibility_sd), (pooled.rationality, pooled.rationality_sd)]
    ):
        column = [pair[place] for pair in pairs]
        assert mean == pytest.approx(statistics.mean(column))
        assert 0 <= mean <= 10
        assert sd == (None if len(column) == 1 else pytest.approx(statistics.stdev(column)))


def test_samples_that_agree_have_no_deviation():
    assert pool_samples([ParsedScores(7.1, 3)] * 3) == ParsedScores(pytest.approx(7.1), 3, 0, 0)
    assert pool_samples([ParsedScores(8, 3, 0.5, 0.5)]) == ParsedScores(8, 3, None, None)


def test_no_samples_are_no_scores():
    with pytest.raises(ScoreParseError, match="no sample"):
        pool_samples([])
