"""Which judge's scores count, and the artifact they become."""

import random

import duckdb
import pytest

from tasks.errors import JudgeChoiceError, UsageError
from tasks.scoring import JudgeIdentity, choose_judge, count_coverage, register_judge, snapshot_scores

GPT = JudgeIdentity("aaaa", "gpt-paper", "openai", "api", "gpt", "paper", "Rate.", {})
OTHER_GPT = JudgeIdentity("bbbb", "gpt-paper", "openai", "elsewhere", "gpt", "paper", "Rate.", {})
LOCAL = JudgeIdentity("cccc", "distilled", "distilled", "", "distilled", "", "", {})


@pytest.fixture
def judges(home):
    """Register judges and give some of them scores of turns (turn key -> number or reason); 't' is in the corpus."""
    with home.store.transaction() as connection:
        connection.execute("INSERT INTO turns VALUES ('of t', 2, 't', 'test', 'sad', [], 'Oh.')")

    def note(*identities, scores=None):
        with home.store.transaction() as connection:
            for identity in identities:
                register_judge(connection, identity)
            for identity, values in (scores or {}).items():
                for key, value in values.items():
                    number, reason = (None, value) if isinstance(value, str) else (value, None)
                    row = [key, identity, number, number, None, None, "point", identity, reason]
                    connection.execute("INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    return note


@pytest.fixture
def choose(home):
    def run(judge=""):
        with home.store.transaction() as connection:
            return choose_judge(connection, judge)

    return run


def test_the_only_judge_with_scores_is_the_one(judges, choose):
    judges(GPT, LOCAL, scores={"aaaa": {"t": "refusal"}, "cccc": {"t": 7.0}})
    assert choose() == ("cccc", "distilled")


def test_of_several_judges_one_must_be_named_by_id_or_alias(judges, choose):
    judges(GPT, OTHER_GPT, LOCAL, scores={name: {"t": 7.0} for name in ("aaaa", "bbbb", "cccc")})
    with pytest.raises(JudgeChoiceError) as caught:
        choose()
    for named in ("aaaa (gpt-paper, 1 scores)", "bbbb (gpt-paper, 1 scores)", "cccc (distilled"):
        assert named in caught.value.do
    assert caught.value.exit_code == 2
    assert choose("bbbb") == ("bbbb", "gpt-paper")
    assert choose("distilled") == ("cccc", "distilled")


def test_scores_of_responses_that_a_killed_run_left_make_no_judge_of_the_corpus(judges, choose):
    judges(GPT, LOCAL, scores={"aaaa": {"generated": 3.0, "t": "refusal"}, "cccc": {"t": 7.0}})
    assert choose() == ("cccc", "distilled")
    judges(scores={"aaaa": {"of no corpus": 4.0}})
    with pytest.raises(UsageError, match="gpt-paper has scored no turn"):
        choose("gpt-paper")


def test_scores_of_turns_that_a_killed_run_left_do(judges, choose):
    judges(GPT, LOCAL, scores={"aaaa": {"generated": 3.0}, "cccc": {"t": 7.0, "generated": 3.0}})
    assert choose() == ("cccc", "distilled")


def test_an_alias_that_two_judges_have_is_refused_with_their_ids(judges, choose):
    judges(GPT, OTHER_GPT, scores={name: {"t": 7.0} for name in ("aaaa", "bbbb")})
    with pytest.raises(JudgeChoiceError) as caught:
        choose("gpt-paper")
    assert "aaaa (1 scores); bbbb (1 scores)" in caught.value.do


def test_an_unknown_judge_is_told_with_those_there_are(judges, choose):
    judges(LOCAL, scores={"cccc": {"t": 7.0}})
    for name in ("nobody", "%", "' OR 1=1 --"):
        with pytest.raises(JudgeChoiceError, match="distilled"):
            choose(name)


def test_without_a_score_there_is_nothing_to_choose(judges, choose):
    with pytest.raises(UsageError, match="No turn has a score"):
        choose()
    judges(GPT, scores={"aaaa": {"t": "refusal"}})
    with pytest.raises(UsageError, match="No turn has a score"):
        choose()
    with pytest.raises(UsageError, match="gpt-paper has scored no turn"):
        choose("gpt-paper")


@pytest.fixture
def corpus(home, tmp_path, write_dialogues, ingest_file):
    dialogues = {f"d{n}": (f"I have {n} cats.", "Nice!") for n in range(8)} | {"again": ("I have 1 cats.", "Nice!")}
    return [ingest_file(home, write_dialogues(tmp_path / "d.jsonl", dialogues))]


@pytest.fixture
def keys(home, corpus):
    rows = duckdb.execute("SELECT DISTINCT turn_key FROM read_parquet($f)", {"f": home.turn_files(corpus)}).fetchall()
    return sorted(key for (key,) in rows)


def snapshot(home, corpus, judge="cccc"):
    with home.store.transaction() as connection:
        return snapshot_scores(connection, home.artifacts, corpus, judge, "distilled")


def test_a_snapshot_holds_the_judges_scores_for_the_corpus_in_hash_order(home, corpus, keys, judges):
    judges(GPT, LOCAL, scores={
        "cccc": {keys[1]: 7.0, keys[0]: 6.5, keys[2]: "refusal", "of another corpus": 3.0}, "aaaa": {keys[3]: 1.0},
    })  # fmt: skip
    ref = snapshot(home, corpus)
    manifest = home.artifacts.read_manifest(ref.uri)
    assert (ref.n_rows, manifest["facts"]["n_scored"], manifest["facts"]["judge_id"]) == (3, 2, "cccc")
    assert manifest["facts"]["judge"]["kind"] == LOCAL.kind
    assert [parent["sha256"] for parent in manifest["parents"]] == [corpus[0].sha256]
    rows = duckdb.execute(
        "SELECT turn_key, sensibility, unscored_reason FROM read_parquet($f)",
        {"f": str(home.artifacts.open(ref) / "scores.parquet")},
    ).fetchall()
    assert rows == [(keys[0], 6.5, None), (keys[1], 7.0, None), (keys[2], None, "refusal")]


def test_the_same_scores_in_any_order_are_the_same_artifact(home, corpus, keys, judges, make_home, tmp_path):
    values = {key: float(number) for number, key in enumerate(keys)}
    judges(LOCAL, scores={"cccc": values})
    ref = snapshot(home, corpus)
    shuffled = list(values.items())
    random.Random(3).shuffle(shuffled)
    with home.store.transaction() as connection:
        connection.execute("DELETE FROM scores")
    judges(scores={"cccc": dict(shuffled)})
    assert snapshot(home, corpus) == ref


@pytest.mark.parametrize(
    "change",
    [
        "sensibility = 0.25",
        "rationality = 0.25",
        "sensibility_sd = 0.25",
        "rationality_sd = 0.25",
        "method = 'samples'",
    ],
)
def test_any_changed_value_is_another_artifact(home, corpus, keys, judges, change):
    judges(LOCAL, scores={"cccc": dict.fromkeys(keys, 7.0)})
    ref = snapshot(home, corpus)
    with home.store.transaction() as connection:
        connection.execute(f"UPDATE scores SET {change} WHERE turn_key = $key", {"key": keys[0]})
    changed = snapshot(home, corpus)
    assert changed.config_digest != ref.config_digest
    assert changed.sha256 != ref.sha256


def test_coverage_counts_turns_not_keys_by_why_they_have_no_score(home, corpus, keys, judges):
    files = home.turn_files(corpus)
    rows = duckdb.execute("SELECT turn_key, count(*) FROM read_parquet($f) GROUP BY ALL", {"f": files}).fetchall()
    twice = next(key for key, n in rows if n == 2)
    first, second, *_ = [key for key in keys if key != twice]
    judges(LOCAL, scores={"cccc": {twice: "rate_limit", first: "refusal", second: 7.0}})
    with home.store.transaction() as connection:
        coverage = count_coverage(connection, files, "cccc", "all")
        nothing = count_coverage(connection, files, "cccc", "no such split")
    assert (coverage.n_turns, coverage.n_scored) == (9, 1)
    assert coverage.unscored == {"rate_limit": 2, "refusal": 1, "not asked": 5}
    assert coverage.n_transient == 2
    assert nothing.n_turns == 0


def test_a_count_may_be_confined_to_chosen_turns(home, corpus, keys, judges, tmp_path):
    """What failed elsewhere, in another run, is no failure of a run that was to ask about these."""
    files = home.turn_files(corpus)
    judges(LOCAL, scores={"cccc": {keys[0]: "rate_limit", keys[1]: 7.0}})
    duckdb.execute(f"COPY (SELECT '{keys[1]}' AS turn_key) TO '{tmp_path / 'chosen.parquet'}' (FORMAT parquet)")
    with home.store.transaction() as connection:
        chosen = count_coverage(connection, files, "cccc", "all", str(tmp_path / "chosen.parquet"))
        whole = count_coverage(connection, files, "cccc", "all")
    assert (chosen.n_scored, chosen.unscored, chosen.n_transient) == (chosen.n_turns, {}, 0)
    assert whole.n_transient > 0
