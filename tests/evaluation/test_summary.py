"""From responses to metrics.parquet and the final table."""

import polars as pl
import pytest

from tasks.config import EvaluationConfig
from tasks.errors import EmpathyError
from tasks.evaluation import make_table, read_metrics, summarise, write_evaluation, write_responses
from tasks.evaluation.compare import RESPONSES_SCHEMA

CONFIG = EvaluationConfig(bootstrap=100)
SAID = ["That sounds hard. Are you okay?", "Oh no! I am sorry.", "I am happy for you."]


def make_responses(system, said=tuple(SAID), nll=2.0):
    n = 6
    return pl.DataFrame(
        {
            "system": [system] * n,
            "dialogue_id": [f"d{at}" for at in range(n)],
            "utterance_idx": [2] * n,
            "turn_key": [f"k{at}" for at in range(n)],
            "prompt": [[{"role": "user", "content": "Hi"}]] * n,
            "reference": SAID * 2,
            "response": [*said, *[None] * (n - len(said))],
            "nll": [nll * (at + 1) for at in range(n)],
            "n_tokens": [at + 1 for at in range(n)],
        },
        schema=RESPONSES_SCHEMA,
    )


def test_each_metric_is_over_the_turns_it_was_measured_on():
    metrics = summarise(make_responses("base"), CONFIG)
    assert metrics.filter(pl.col("metric") == "perplexity")["n"].to_list() == [6]
    assert metrics.filter(pl.col("metric") != "perplexity")["n"].unique().to_list() == [3]
    assert metrics["metric"].to_list() == [
        "perplexity", "bleu_1", "bleu_2", "bleu_3", "bleu_4", "dist_1", "dist_2", "rouge_1", "rouge_2", "rouge_l", "f1"
    ]  # fmt: skip
    assert metrics.columns == ["system", "metric", "value", "low", "high", "n"]


def test_the_summary_does_not_depend_on_the_order_of_rows():
    rows = pl.concat([make_responses("union"), make_responses("base", nll=1.0)])
    assert summarise(rows, CONFIG).equals(summarise(rows.sample(fraction=1, shuffle=True, seed=1), CONFIG))


def test_a_system_has_the_same_figures_alone_and_in_company():
    alone = summarise(make_responses("union"), CONFIG)
    together = summarise(pl.concat([make_responses("union"), make_responses("base", SAID[:2])]), CONFIG)
    company = together.filter(pl.col("system") == "union")
    for name in ("value", "low", "high"):
        assert company[name].to_list() == pytest.approx(alone[name].to_list())


def test_a_system_without_responses_has_its_perplexity_only():
    assert summarise(make_responses("base", ()), CONFIG)["metric"].to_list() == ["perplexity"]


def test_empty_responses_are_measured_not_dropped():
    metrics = summarise(make_responses("base", ("", "", "")), CONFIG)
    assert metrics.filter(pl.col("metric") != "perplexity")["value"].to_list() == [0] * 10


def test_no_rows_at_all_are_an_error():
    with pytest.raises(EmpathyError, match="no responses"):
        summarise(make_responses("base").clear(), CONFIG)


def test_the_table_has_systems_in_their_order_and_a_dash_for_what_was_not_measured():
    rows = [make_responses("mixture", ()), make_responses("my-own"), make_responses("base", SAID[::-1])]
    table = make_table(summarise(pl.concat(rows), CONFIG), ["perplexity", "dist_1"])
    assert [system for system, _ in table.rows] == ["base", "mixture", "my-own"]
    assert [cells[1].value for _, cells in table.rows] == [table.rows[0][1][1].value, "-", table.rows[2][1][1].value]
    assert table.rows[0][1][0].value == "7.39"
    assert table.headings == ("Perplexity", "Dist-1")


def test_the_markdown_table_shows_intervals_and_says_what_was_measured():
    text = make_table(summarise(make_responses("base"), CONFIG)).to_markdown()
    header, rule, row, *_ = text.splitlines()
    assert header.count("|") == rule.count("|") == row.count("|") == 8
    assert "| 7.39 [7.39, 7.39] |" in row
    assert "6 held-out turns" in text
    assert "3 greedy responses" in text


def test_the_files_of_the_artifacts_read_back(tmp_path):
    folders = [tmp_path / name for name in ("base", "union", "all")]
    for folder in folders:
        folder.mkdir()
    facts = write_responses(folders[0], make_responses("base"))
    write_responses(folders[1], make_responses("union", ()))
    assert facts == {"n_rows": 6, "n_responses": 3}
    assert write_evaluation(folders[2], folders[:2], CONFIG)["systems"] == ["base", "union"]
    expected = summarise(pl.concat([make_responses("base"), make_responses("union", ())]), CONFIG)
    assert read_metrics(folders[2]).equals(expected)
    assert pl.read_parquet(folders[2] / "responses.parquet").schema == pl.Schema(RESPONSES_SCHEMA)
