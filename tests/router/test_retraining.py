"""What another threshold trains again: counted on the smoke profile, by the tasks that the flows call."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ADAPTERS, ExperimentConfig, SelectionConfig, load_profile
from tasks.errors import DataLeakError
from tasks.experts import EXPERTS, Base
from tasks.experts.tasks import find_trained, prepare_base_model, train_adapter
from tasks.home import Home
from tasks.manifest import Recipe
from tasks.router.tasks import train_mixture_task
from tasks.schema import ArtifactRef
from tasks.selection import materialize
from tests.experts.conftest import build_rows

pytestmark = pytest.mark.train
pytest.importorskip("torch")

SCORES = ((8, 2), (8, 5), (3, 5), (3, 8))
"""(sensibility, rationality) of every fourth turn: with R = 5 on both sides of the sensibility threshold."""
N_TURNS = 40


@pytest.fixture(scope="module")
def config() -> ExperimentConfig:
    """The smoke profile, one step a training."""
    return load_profile("smoke", {"expert": {"max_steps": 1}, "router": {"max_steps": 1}})


@pytest.fixture
def place(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home that the tasks open by themselves."""
    monkeypatch.setenv("EMPATHY_HOME", str(home.settings.home_dir))
    return home


@pytest.fixture
def base(place: Home, config: ExperimentConfig) -> Base:
    """The tiny base model."""
    return prepare_base_model.fn(config)


def write_corpus(home: Home, held_out: Sequence[int] = ()) -> ArtifactRef:
    """Write forty turns of twenty dialogues; those of the numbers `held_out` are of the split `test`."""
    rows = build_rows(N_TURNS)
    splits = ["test" if at in held_out else "train" for at in range(N_TURNS)]
    turns = rows.select(
        "dialogue_id", "utterance_idx", "turn_key", pl.Series("split", splits), "emotion", "prompt",
        pl.col("completion").list.first().struct.field("content").alias("response"),
    )  # fmt: skip
    return produce(home, "dialogues", {"turns.parquet": turns}, {"held_out": list(held_out)})


def select(home: Home, corpus: ArtifactRef, rationality: float) -> ArtifactRef:
    """Select at a rationality threshold from the corpus."""
    pairs = [SCORES[at % len(SCORES)] for at in range(N_TURNS)]
    scores = build_rows(N_TURNS).select(
        "turn_key",
        sensibility=pl.Series([float(s) for s, _ in pairs]),
        rationality=pl.Series([float(r) for _, r in pairs]),
        sensibility_sd=pl.lit(None, dtype=pl.Float64),
        rationality_sd=pl.lit(None, dtype=pl.Float64),
        unscored_reason=pl.lit(None, dtype=pl.String),
    )
    scored = produce(home, "scores", {"scores.parquet": scores}, {}, (corpus,))
    return materialize(home.artifacts, [corpus], scored, SelectionConfig(rationality_threshold=rationality))


def produce(
    home: Home, kind: str, files: dict[str, pl.DataFrame], config: dict[str, Any], parents: tuple[ArtifactRef, ...] = ()
) -> ArtifactRef:
    def build(folder: Path) -> dict[str, int]:
        for name, frame in files.items():
            frame.write_parquet(folder / name)
        return {"n_rows": N_TURNS}

    return home.artifacts.produce(Recipe(kind, 1, config, parents), build)


@pytest.fixture
def train_all(place: Home, base: Base, config: ExperimentConfig) -> Callable[[ArtifactRef], set[str]]:
    """Train every adapter and the mixture, and return the names of those that were not found."""

    def list_made() -> set[str]:
        refs = [*place.artifacts.list_refs("expert"), *place.artifacts.list_refs("mixture")]
        return {ref.uri for ref in refs}

    def train(subsets: ArtifactRef) -> set[str]:
        before = list_made()
        trained = {name: train_adapter.fn(name, subsets, base, config) for name in ADAPTERS}
        experts = {name: trained[name] for name in EXPERTS}
        models = {**trained, "mixture": train_mixture_task.fn(subsets, experts, base, config)}
        made = {name for name, ref in models.items() if ref.uri not in before}
        assert len(made) == len(list_made() - before)  # no two systems are one artifact
        return made

    return train


def test_a_threshold_trains_again_what_learns_from_other_rows_and_nothing_else(
    place: Home, train_all: Callable[[ArtifactRef], set[str]]
) -> None:
    corpus = write_corpus(place)
    assert train_all(select(place, corpus, 5)) == {*ADAPTERS, "mixture"}
    # turns of S = 3 or 8, R = 5 become rational; the sensibility subset (S > 5, R < t) keeps its rows
    assert train_all(select(place, corpus, 4.5)) == {"rationality", "union", "mixture"}
    # turns of S = 8, R = 5 become sensible; the full set is the same, its samples are as large as the subset
    assert train_all(select(place, corpus, 5.5)) == {"sensibility", "random", "length-matched", "union", "mixture"}
    assert train_all(select(place, corpus, 5)) == set()


def test_an_adapter_that_is_found_names_the_subsets_it_was_trained_on(
    place: Home, base: Base, config: ExperimentConfig
) -> None:
    corpus = write_corpus(place)
    first, second = select(place, corpus, 5), select(place, corpus, 4.5)
    ref = train_adapter.fn("sensibility", first, base, config)
    assert train_adapter.fn("sensibility", second, base, config) == ref
    assert place.artifacts.read_manifest(ref.uri)["parents"] == [first.model_dump()]


def test_what_is_trained_is_found_and_nothing_is_trained_for_it(
    place: Home, base: Base, config: ExperimentConfig
) -> None:
    subsets = select(place, write_corpus(place), 5)
    assert find_trained.fn(("union", "base"), subsets, base, config) == {}
    ref = train_adapter.fn("union", subsets, base, config)
    assert find_trained.fn(("union", "full", "base"), subsets, base, config) == {"union": ref}
    assert place.artifacts.list_refs("expert") == [ref]


def test_a_leak_is_refused_also_where_the_models_would_be_found(
    place: Home, base: Base, config: ExperimentConfig, train_all: Callable[[ArtifactRef], set[str]]
) -> None:
    subsets = select(place, write_corpus(place), 5)
    train_all(subsets)
    # the same rows, from dialogues of which some are held out by now
    files = {f"{name}.parquet": pl.read_parquet(Path(subsets.uri) / f"{name}.parquet", glob=False)
             for name in ("sensibility", "rationality", "discard")}  # fmt: skip
    manifest = place.artifacts.read_manifest(subsets.uri)
    corpus = write_corpus(place, held_out=range(20))

    def build(folder: Path) -> dict[str, Any]:
        for name, frame in files.items():
            frame.write_parquet(folder / name)
        return manifest["facts"]

    leaking = place.artifacts.produce(Recipe("subsets", 1, {"split": "train"}, (corpus,)), build)
    with pytest.raises(DataLeakError, match="stand in the evaluation split"):
        train_adapter.fn("sensibility", leaking, base, config)
    experts = {name: place.artifacts.get_current(f"expert-{name}") for name in EXPERTS}
    with pytest.raises(DataLeakError, match="stand in the evaluation split"):
        train_mixture_task.fn(leaking, experts, base, config)
