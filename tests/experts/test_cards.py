"""Model cards: made of manifests alone, the same bytes every time, and nothing in them that nobody knows."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.artifacts import ArtifactStore
from tasks.experts import Base, describe_origin, read_lineage, write_expert_card
from tasks.experts.cards.licences import licence_of_base, licence_of_dialogues
from tasks.experts.cards.origin import tell_cost, tell_scores
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef
from tasks.scoring import DistilledJudge

BASE = Base("tiny-llama", "/home/somebody/cache/bases/tiny-llama-1", "", "d" * 32)
BUNDLED = {
    "kind": "distilled",
    "model": "distilled",
    "rubric": "",
    "parameters": {"weights": DistilledJudge.load().digest},
}
LLM = {
    "kind": "openai",
    "model": "judge-2026",
    "rubric": "paper",
    "parameters": {"temperature": 0, "method": "samples"},
}
SELECTION = {"rule": "paper", "sensibility_threshold": 5.0, "rationality_threshold": 6.5, "split": "train"}
COUNTS = {"counts": {"sensibility": 30, "rationality": 15, "discard": 5, "excluded": 1}, "shares": {"sensibility": 0.6}}


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "artifacts"), tmp_path / "cache")


@pytest.fixture
def make_subsets(store: ArtifactStore) -> Any:
    """A function that makes subsets, their scores and their dialogues, with what their manifests say."""

    def produce(kind: str, config: dict[str, Any], facts: dict[str, Any], *parents: ArtifactRef) -> ArtifactRef:
        def build(folder: Path) -> dict[str, Any]:
            (folder / "data.txt").write_text(json.dumps([kind, config]))
            return facts

        return store.produce(Recipe(kind, 1, config, parents), build)

    def make(judge: dict[str, Any] = BUNDLED, source: str = "sample", **paid: Any) -> ArtifactRef:
        formats = {"formats": {"jsonl": 1}, "by_split": {"train": 40, "test": 11}}
        dialogues = produce("dialogues", {"of": source}, {"source": source, **formats})
        facts = {"alias": "the-judge", "judge_id": "0123", "judge": judge, "cost_usd": None, **paid}
        scores = produce("scores", {"judge": judge}, facts, dialogues)
        return produce("subsets", SELECTION, COUNTS, dialogues, scores)

    return make


def write_training(folder: Path, **changes: Any) -> Path:
    config = {"base_model": "/home/somebody/base", "lora_r": 8, "max_steps": None}
    record = {
        "name": "sensibility",
        "n_rows": 30,
        "n_steps": 12,
        "last_loss": 2.5,
        "versions": {"torch": "2"},
        **changes,
    }
    folder.mkdir(exist_ok=True)
    (folder / "training.json").write_text(json.dumps({**record, "config": config}))
    return folder


def write(store: ArtifactStore, subsets: ArtifactRef, folder: Path, base: Base = BASE) -> str:
    write_expert_card(write_training(folder), base, read_lineage(store, [subsets]))
    return (folder / "README.md").read_text(encoding="utf-8")


def test_a_card_says_where_the_model_comes_from_and_no_path(store: Any, make_subsets: Any, tmp_path: Path) -> None:
    subsets = make_subsets(LLM, "/home/somebody/secret/talks.jsonl", cost_usd=1.5, n_calls_unpriced=2)
    card = write(store, subsets, tmp_path / "expert")
    said = (
        subsets.sha256, BASE.digest, "S > t and R < t", "`paper S>5 R>6.5`", "sensibility 30 (60.0%)",
        "discard 5,", "`the-judge`, id `0123`", "model `judge-2026`, rubric `paper`, method `samples`",
        "| agreement of the judge | not validated |", "1.5000 USD, and 2 calls whose price is not known",
        "`talks.jsonl` (turns: train 40, test 11)", "licence: not stated", "had not been evaluated", "12", "2.5000",
        "not a therapist",
    )  # fmt: skip
    assert [text for text in said if text not in card] == []
    assert "somebody" not in card
    assert str(tmp_path) not in card


def test_the_head_is_yaml_that_a_hub_reads(store: Any, make_subsets: Any, tmp_path: Path) -> None:
    head = yaml.safe_load(
        write(store, make_subsets(source="empathetic-dialogues"), tmp_path / "expert").split("---")[1]
    )
    assert head["base_model"] == "tiny-llama"
    assert (head["library_name"], head["license"]) == ("peft", "other")
    assert head["datasets"] == ["facebook/empathetic_dialogues"]
    free = yaml.safe_load(write(store, make_subsets(LLM), tmp_path / "other").split("---")[1])
    assert (free["license"], "datasets" in free) == ("apache-2.0", False)


def test_equal_models_have_equal_cards(store: Any, make_subsets: Any, tmp_path: Path) -> None:
    subsets = make_subsets()
    assert write(store, subsets, tmp_path / "one") == write(store, subsets, tmp_path / "two")


def test_names_that_people_chose_do_not_break_the_table(store: Any, make_subsets: Any, tmp_path: Path) -> None:
    card = write(store, make_subsets({**LLM, "model": "a|b`c\n| x"}), tmp_path / "expert")
    row = next(line for line in card.splitlines() if line.startswith("| judge of the turns"))
    assert "a\\|b'c \\| x" in row


def test_what_is_not_in_the_store_any_more_is_not_known(store: Any, make_subsets: Any, tmp_path: Path) -> None:
    subsets = make_subsets()
    elsewhere = ArtifactStore(str(tmp_path / "elsewhere"), tmp_path / "cache")
    gone = subsets.model_copy(update={"uri": str(tmp_path / "gone")})
    rows = dict(describe_origin(BASE, read_lineage(elsewhere, [gone])).rows)
    assert gone.sha256 in rows["subsets"]
    assert (rows["judge of the turns"], rows["dialogues"]) == ("not known", "not known")
    assert len(read_lineage(store, [gone])) == 3  # the same artifacts in this store
    assert not read_lineage(store, [gone.model_copy(update={"sha256": "0" * 64})])[0].facts


def test_the_bundled_judge_is_told_with_the_figures_of_its_card() -> None:
    rows = dict(tell_scores({"alias": "distilled", "judge_id": "0", "judge": BUNDLED}))
    assert "0.496 (sensibility), 0.579 (rationality)" in rows["agreement of the judge"]
    other = dict(tell_scores({"judge": {**BUNDLED, "parameters": {"weights": "0" * 64}}}))
    assert other["agreement of the judge"] == "not validated"


@pytest.mark.parametrize(
    ("facts", "kind", "said"),
    [
        ({}, "", "not known"),
        ({"cost_usd": None, "n_calls_unpriced": 3}, "openai", "not known"),
        ({"cost_usd": 0.25, "n_calls_unpriced": 0}, "openai", "0.2500 USD"),
        ({"cost_usd": None}, "distilled", "nothing: no endpoint was asked"),
    ],
)
def test_the_cost_of_scores_is_never_guessed(facts: dict[str, Any], kind: str, said: str) -> None:
    assert tell_cost(facts, kind) == said


def test_the_licence_of_a_base_is_as_known_or_as_its_folder_states(tmp_path: Path) -> None:
    def ask(name: str, path: str = "") -> str:
        return licence_of_base(Base(name, path or name, "", "")).text

    assert "ai.google.dev/gemma/terms" in ask("gemma-3-270m", "/cache/gemma")
    assert "Llama licence of Meta" in ask("meta-llama/Meta-Llama-3-8B-Instruct")
    assert ask("owner/model") == "see the base model"
    (tmp_path / "config.json").write_text("{}")
    assert ask("mine", str(tmp_path)) == "see the base model"
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# Mine")
    assert ask("mine", str(tmp_path)) == "mit, as its folder states"
    (tmp_path / "README.md").write_text("---\n: [\n---\n")
    assert ask("mine", str(tmp_path)) == "see the base model"


def test_the_licence_of_dialogues_is_told_only_where_it_is_known() -> None:
    assert "CC BY-NC 4.0" in licence_of_dialogues({"source": "empathetic-dialogues"}).text
    assert "Apache-2.0" in licence_of_dialogues({"source": "sample"}).text
    assert licence_of_dialogues({"source": "/data/sample"}).text == "not stated"
    assert licence_of_dialogues({"source": "x.csv", "formats": {"csv_original": 1}}).text.startswith("not stated;")
