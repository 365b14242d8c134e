"""What `empathy evaluate` prints of judged responses: no table without a row."""

import polars as pl
import pytest

from flows.commands.judges_of_responses import judgement_tables
from tasks.config import EvaluationConfig
from tasks.evaluation import JUDGED, compare_pairs, summarise
from tasks.evaluation.files import COMPARISONS_FILE, METRICS_FILE
from tasks.manifest import Recipe
from tests.evaluation.test_paired import make_responses

CONFIG = EvaluationConfig(bootstrap=100)
SCORES = "Judged responses (mean of 0 to 10)"


@pytest.fixture
def list_titles(tmp_path, monkeypatch, make_home):
    """Return the titles that are shown of an evaluation of these rows, one artifact an evaluation."""
    monkeypatch.setenv("EMPATHY_HOME", str(tmp_path))
    artifacts = make_home(tmp_path).artifacts

    def run(name, *systems):
        def build(folder):
            rows = pl.concat(systems)
            summarise(rows, CONFIG).write_parquet(folder / METRICS_FILE)
            compare_pairs(rows, CONFIG).write_parquet(folder / COMPARISONS_FILE)
            return {"n_rows": len(rows)}

        return [
            table.title for table in judgement_tables(artifacts.produce(Recipe("evaluation", 1, {"is": name}), build))
        ]

    return run


def make_judged(system, scores):
    said = ["Oh.", "I see.", "Oh no.", "That hurts."]
    return make_responses(system, [3.0] * 4, said).with_columns(
        *(pl.Series(name, scores, pl.Float64) for name in JUDGED)
    )


def test_differences_in_judged_scores_are_shown_where_there_are_any(list_titles):
    scored, unscored = [5.0, 6.0, 7.0, 8.0], [None] * 4
    both = make_judged("mixture", scored), make_judged("union", scored)
    assert list_titles("both", *both) == [SCORES, "Differences in judged scores"]
    assert list_titles("one", both[0]) == [SCORES]
    assert list_titles("one judged", both[0], make_judged("union", unscored)) == [SCORES]
