"""The metrics against values worked out by hand, the packages they must match, and their properties."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluation import bleu_n, dist_n, f1, perplexity, rouge
from tasks.evaluation.metrics import measure_dist, tokenize

words = st.sampled_from(["i", "am", "so", "sorry", "that", "is", "great", "why", "?", ".", "oh"])
texts = st.lists(words, min_size=1, max_size=12).map(" ".join)
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=8)
WORDY = ["i am so sorry", "that is great news for you"]
HYPOTHESES = ["i am so so sorry about that", "what a day", "oh", ""]
REFERENCES = ["i am sorry that is so sad", "that is what a day should be", "oh no", "why ?"]


def test_dist_counts_unique_over_total_ngrams_of_the_whole_corpus():
    assert dist_n(["a b a", "b c"], 1) == pytest.approx(100 * 3 / 5)
    assert dist_n(["a b a", "b c"], 2) == pytest.approx(100 * 3 / 3)
    assert dist_n(["a b", "a b", "a b"], 2) == pytest.approx(100 / 3)


def test_dist_of_texts_too_short_for_the_order_is_zero():
    assert dist_n(["a", "", "b"], 2) == 0


def test_f1_is_over_the_summed_words_of_the_corpus():
    # shared words: a (once) and c; lengths 3 + 1 and 2 + 2
    assert f1(["a a b", "c"], ["a d", "c e"]) == pytest.approx(100 * 2 * 2 / (4 + 4))


def test_perplexity_weighs_tokens_not_turns():
    assert perplexity([2.0, 6.0], [1, 7]) == pytest.approx(math.exp(1.0))


def test_bleu_of_a_hand_counted_pair():
    # 3 of 4 words and 1 of 3 bigrams match; the response is one word shorter than the reference
    expected = 100 * math.exp(1 - 5 / 4) * math.sqrt(3 / 4 * 1 / 3)
    assert bleu_n(["a b x c"], ["a b y c d"], 2) == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_bleu_equals_nltk(n):
    from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

    references = [[words] for words in tokenize(REFERENCES)]
    smoothing = SmoothingFunction(epsilon=1e-12).method1
    expected = 100 * corpus_bleu(references, tokenize(HYPOTHESES), [1 / n] * n, smoothing)
    assert bleu_n(HYPOTHESES, REFERENCES, n) == pytest.approx(expected, rel=1e-12)


def test_bleu_without_one_common_word_is_zero():
    assert bleu_n(["a b"], ["c d"], 1) == bleu_n(["", ""], ["c", "d"], 4) == 0


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_rouge_is_the_mean_f_measure_over_turns(kind):
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer([kind])
    scores = [scorer.score(*pair)[kind].fmeasure for pair in zip(REFERENCES, HYPOTHESES, strict=True)]
    assert rouge(HYPOTHESES, REFERENCES, kind) == pytest.approx(100 * sum(scores) / 4)


def test_words_are_those_of_word_tokenize_on_lower_case():
    assert tokenize(["I'm SO sorry. You can't stay?!"]) == [
        ("i", "'m", "so", "sorry", ".", "you", "ca", "n't", "stay", "?", "!")
    ]


def test_responses_and_references_of_different_number_are_refused():
    with pytest.raises(ValueError, match="zip"):
        f1(["a"], ["a", "b"])


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_identical_texts_have_full_rouge_and_f1(kind):
    assert rouge(WORDY, WORDY, kind) == pytest.approx(100)
    assert f1(WORDY, WORDY) == pytest.approx(100)


@settings(max_examples=60, deadline=None)
@given(pairs, st.randoms(use_true_random=False))
def test_metrics_are_bounded_and_do_not_depend_on_the_order_of_turns(pairs, shuffler: random.Random):
    shuffled = shuffler.sample(pairs, len(pairs))
    for measure in (
        f1,
        *(lambda r, g, n=n: bleu_n(r, g, n) for n in (1, 2, 3, 4)),
        *(lambda r, _, n=n: dist_n(r, n) for n in (1, 2)),
        *(lambda r, g, kind=kind: rouge(r, g, kind) for kind in ("rouge1", "rouge2", "rougeL")),
    ):
        value = measure(*map(list, zip(*pairs, strict=True)))
        assert 0 <= value <= 100 + 1e-9
        assert measure(*map(list, zip(*shuffled, strict=True))) == pytest.approx(value, abs=1e-9)


@given(st.lists(st.lists(words, max_size=8), min_size=2, max_size=8), st.integers(1, 2), st.data())
def test_a_turn_left_out_takes_with_it_what_only_it_says(corpus, n, data):
    left_out = data.draw(st.integers(0, len(corpus) - 1))
    weights = [float(at != left_out) for at in range(len(corpus))]
    metric = measure_dist(corpus, n)
    rest = measure_dist([text for at, text in enumerate(corpus) if at != left_out], n)
    assert float(metric.combine(weights @ metric.columns)) == pytest.approx(rest.value)
