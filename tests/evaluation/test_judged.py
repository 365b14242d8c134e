"""Generated responses are judged as any turn is, and the corpus's own scores stay as they were."""

import polars as pl
import pytest

from tasks.config import EvaluationConfig, JudgeConfig, ScoringConfig
from tasks.errors import ArtifactError, JudgeChoiceError
from tasks.evaluation import (
    compare_pairs,
    cut_budget,
    generated_recipe,
    lift_limits,
    make_table,
    read_metrics,
    summarise,
    write_evaluation,
    write_generated,
    write_responses,
)
from tasks.evaluation.compare import RESPONSES_SCHEMA
from tasks.evaluation.judged import attach_scores, judge_rows, make_generated
from tasks.schema import make_turn_key
from tasks.scoring import choose_judge, count_coverage

CONFIG = EvaluationConfig(bootstrap=100)
DISTILLED = JudgeConfig()
SAID = {"base": ["Oh.", "  ", "I am so sorry to hear that."], "union": ["That is sad.", "Nice!", "Oh."]}


@pytest.fixture
def corpus(home, tmp_path, write_dialogues, ingest_file):
    """Four dialogues of the test split, one turn each."""
    dialogues = {f"d{n}": (f"I lost {n} cats.", "Nice!" if n == 1 else "Poor you.") for n in range(4)}
    return [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", dialogues), "test")]


@pytest.fixture
def turns(home, corpus):
    return pl.read_parquet(home.turn_files(corpus)[0], glob=False).sort("dialogue_id")


def make_responses(turns, system):
    said = [*SAID[system], None]
    prompts = turns["prompt"].to_list()
    if system == "base":  # what a system is told beside the dialogue is not judged
        prompts = [[{"role": "system", "content": "Be kind."}, *prompt] for prompt in prompts]
    return turns.select(
        pl.lit(system).alias("system"), "dialogue_id", "utterance_idx", "turn_key",
        pl.Series("prompt", prompts, RESPONSES_SCHEMA["prompt"]), pl.col("response").alias("reference"),
        pl.Series("response", said), pl.lit(2.0).alias("nll"), pl.lit(2, pl.Int32).alias("n_tokens"),
    )  # fmt: skip


@pytest.fixture
def responses(turns):
    return pl.concat([make_responses(turns, system) for system in SAID])


@pytest.fixture
def generated(home, corpus, turns, responses):
    """The artifact of the responses as turns."""
    recipe = generated_recipe([], corpus)
    return home.record(home.artifacts.produce(recipe, lambda folder: write_generated(folder, responses, turns)))


def read_scored(home, generated, scores):
    return [pl.read_parquet(f"{home.artifacts.open(ref)}/{name}.parquet", glob=False)
            for ref, name in ((generated, "turns"), (scores, "scores"))]  # fmt: skip


def test_a_response_becomes_a_turn_with_the_dialogues_own_context(turns, responses):
    generated = make_generated(responses, turns)
    assert generated.schema == turns.schema
    assert generated["dialogue_id"].to_list() == ["base:d0", "base:d2", "union:d0", "union:d1", "union:d2"]
    key = make_turn_key([("speaker", "I lost 2 cats.")], "I am so sorry to hear that.")
    assert generated.filter(pl.col("dialogue_id") == "base:d2")["turn_key"].to_list() == [key]
    assert make_generated(responses.clear(), turns).schema == turns.schema


def test_a_response_to_a_turn_that_is_not_there_is_an_error(turns, responses):
    with pytest.raises(ArtifactError, match="do not have"):
        make_generated(responses, turns.head(1))


def test_judged_scores_are_those_that_scoring_gives_to_the_same_turns(
    home, make_home, tmp_path, generated, responses, score_corpus, write_dialogues, ingest_file
):
    judged = judge_rows(
        responses, *read_scored(home, generated, score_corpus(home, [generated], DISTILLED, "e").scores)
    )
    other = make_home(tmp_path / "other")
    said = {"a": ("I lost 0 cats.", "Oh."), "b": ("I lost 2 cats.", "I am so sorry to hear that.")}
    corpus = [ingest_file(other, write_dialogues(tmp_path / "said.jsonl", said))]
    scores = score_corpus(other, corpus, DISTILLED).scores
    expected = pl.read_parquet(other.artifacts.open(scores) / "scores.parquet", glob=False).sort("turn_key")
    found = judged.filter((pl.col("system") == "base") & pl.col("sensibility").is_not_null()).sort("generated_key")
    assert found["generated_key"].to_list() == expected["turn_key"].to_list()
    for name in ("sensibility", "rationality", "sensibility_sd"):
        assert found[name].to_list() == expected[name].to_list()


def test_an_empty_response_is_not_asked_about_and_keeps_its_reason(home, generated, responses, score_corpus):
    result = score_corpus(home, [generated], DISTILLED)
    judged = judge_rows(responses, *read_scored(home, generated, result.scores))
    assert (len(judged), result.plan.n_turns) == (6, 5)
    empty = judged.filter(pl.col("unscored_reason").is_not_null())
    assert empty.select("system", "dialogue_id", "generated_key", "sensibility", "unscored_reason").rows() == [
        ("base", "d1", None, None, "empty_response")
    ]


def test_a_response_that_the_judge_gave_no_score_keeps_the_judges_reason(home, generated, responses, score_corpus):
    tables = read_scored(home, generated, score_corpus(home, [generated], DISTILLED).scores)
    refused = tables[1].with_columns(
        *(pl.lit(None, pl.Float64).alias(name) for name in ("sensibility", "rationality")),
        unscored_reason=pl.lit("refusal"),
    )
    judged = judge_rows(responses, tables[0], refused)
    assert sorted(judged["unscored_reason"]) == ["empty_response", *["refusal"] * 5]
    metrics = summarise(attach_scores(responses, judged), CONFIG)
    assert not metrics["metric"].str.starts_with("judged").any()
    unasked = judge_rows(responses, tables[0], tables[1].clear())
    assert set(unasked["unscored_reason"]) == {"empty_response", "not_asked"}


def test_the_corpuss_scores_and_coverage_are_untouched_by_judging(home, corpus, generated, score_corpus):
    def look(name):
        result = score_corpus(home, corpus, DISTILLED, name)
        with home.store.transaction() as connection:
            chosen = choose_judge(connection)
        return result.scores, result.coverage, home.list_corpus(), home.artifacts.get_current("scores"), chosen

    before = look("before")
    score_corpus(home, [generated], DISTILLED, "judged")
    assert look("after") == before


def test_a_judge_of_responses_only_is_no_judge_of_the_corpus(home, corpus, generated, score_corpus, tmp_path):
    chosen = score_corpus(home, corpus, DISTILLED).identity.judge_id
    replies = tmp_path / "replies.jsonl"
    keys = pl.read_parquet(home.artifacts.open(generated) / "turns.parquet", glob=False)["turn_key"].to_list()
    replies.write_text(
        "".join(f'{{"turn_key": "{key}", "reply": "Rationality: 1\\nSensibility: 2"}}\n' for key in keys)
    )
    recorded = JudgeConfig(kind="replies", replies_file=str(replies))
    result = score_corpus(home, [generated], recorded, "judged")
    with home.store.transaction() as connection:
        # "Nice!" is what a listener of the corpus says, too: the same turn, and the same score
        covered = count_coverage(connection, home.turn_files(corpus), result.identity.judge_id, "all")
        assert (covered.n_scored, result.coverage.n_scored) == (1, 5)
        assert choose_judge(connection) == (chosen, "distilled")
    score_corpus(home, corpus, recorded, "corpus")
    with home.store.transaction() as connection, pytest.raises(JudgeChoiceError, match="which of them counts"):
        choose_judge(connection)


def test_no_response_is_left_out_of_judging_by_the_corpuss_limits():
    scoring = ScoringConfig(split="train", limit=3, max_cost_usd=1.0, batch_results=("a",))
    assert lift_limits(scoring) == ScoringConfig(max_cost_usd=1.0)


def test_the_next_judge_has_what_the_former_left_of_the_budget():
    scoring = ScoringConfig(max_cost_usd=1.0, max_concurrency=3)
    assert cut_budget(scoring, 0.25) == ScoringConfig(max_cost_usd=0.75, max_concurrency=3)
    assert 0 < cut_budget(scoring, 1.5).max_cost_usd < 1e-9
    assert cut_budget(scoring, 0.0) == scoring
    assert cut_budget(ScoringConfig(), 1.5) == ScoringConfig()


def test_the_evaluation_holds_the_scores_their_means_and_how_many_there_are_none_of(
    home, corpus, generated, responses, score_corpus, tmp_path
):
    scores = score_corpus(home, [generated], DISTILLED).scores
    parts = [tmp_path / system for system in SAID]
    for part in parts:
        part.mkdir()
        write_responses(part, responses.filter(pl.col("system") == part.name))
    (tmp_path / "all").mkdir()
    scored = home.artifacts.open(generated), home.artifacts.open(scores)
    facts = write_evaluation(tmp_path / "all", parts, CONFIG, scored)
    assert facts["unscored"] == {"empty_response": 1}
    judged, metrics = pl.read_parquet(tmp_path / "all" / "judged.parquet"), read_metrics(tmp_path / "all")
    for name in ("sensibility", "rationality"):
        row = metrics.row(
            by_predicate=(pl.col("metric") == f"judged_{name}") & (pl.col("system") == "base"), named=True
        )
        mean = judged.filter(pl.col("system") == "base")[name].mean()
        assert (row["value"], row["n"]) == (pytest.approx(mean), 2)
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 10
    table = make_table(metrics)
    assert table.headings[-2:] == ("Sensibility", "Rationality")
    assert "from 0 to 10; responses without a score: base 1." in table.caption
    assert "judged_sensibility" not in pl.read_parquet(tmp_path / "all" / "responses.parquet").columns
    assert compare_pairs(responses, CONFIG)["metric"].str.starts_with("judged").sum() == 0
    assert facts["systems"] == ["base", "union"]
