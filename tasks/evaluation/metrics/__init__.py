"""The metrics, one a file; every one is also a sum over turns that can be resampled."""

from tasks.evaluation.metrics.additive import AdditiveMetric
from tasks.evaluation.metrics.bleu import bleu_n, measure_bleu
from tasks.evaluation.metrics.dist import dist_n, measure_dist
from tasks.evaluation.metrics.f1 import f1, measure_f1
from tasks.evaluation.metrics.judged import measure_mean
from tasks.evaluation.metrics.perplexity import measure_perplexity, perplexity
from tasks.evaluation.metrics.rouge import measure_rouge, rouge
from tasks.evaluation.metrics.tokens import tokenize

__all__ = [
    "AdditiveMetric",
    "bleu_n",
    "dist_n",
    "f1",
    "measure_bleu",
    "measure_dist",
    "measure_f1",
    "measure_mean",
    "measure_perplexity",
    "measure_rouge",
    "perplexity",
    "rouge",
    "tokenize",
]
