"""`empathy export` as a person runs it: on the artifacts of a home, with the documented exit codes."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.artifacts import ArtifactStore
from tasks.config import ExpertConfig, RouterConfig
from tasks.experts import EXPERTS, Base, expert_recipe, prepare_base, train_expert
from tasks.home import open_home
from tasks.manifest import Recipe
from tasks.router import mixture_recipe, train_mixture
from tasks.schema import ArtifactRef
from tests.forking import run_empathy
from tests.router.conftest import build_rows

pytestmark = pytest.mark.train
pytest.importorskip("torch")

EXPERT = ExpertConfig(base_model="tiny-llama", batch_size=4, max_length=128, too_long="cut")
ROUTERS = {"mixture": RouterConfig(), "linear": RouterConfig(routing="linear")}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with both experts, a mixture that is the current one, and one with linear routing."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMPATHY_HOME", str(folder))
        fill_home()
    return folder


def fill_home() -> None:
    home = open_home()
    base = prepare_base("tiny-llama", "", home.settings.cache_dir)
    subsets = home.artifacts.produce(Recipe("subsets", 1, {}), lambda _place: {"n_rows": 0})
    experts = {name: make_expert(name, start, base, subsets) for start, name in enumerate(EXPERTS)}
    folders = {name: home.artifacts.open(ref) for name, ref in experts.items()}
    for router in ROUTERS.values():
        recipe = mixture_recipe(subsets, experts, base, router, EXPERT, 1, {"rows": "both"})
        ref = home.artifacts.produce(
            recipe,
            lambda place, router=router: train_mixture(base, folders, build_rows(8), router, EXPERT, place, n_steps=1),
        )
        if router.routing == "block":
            home.artifacts.set_current("mixture", ref)


def make_expert(name: str, start: int, base: Base, subsets: ArtifactRef) -> ArtifactRef:
    home, rows = open_home(), build_rows(8, 8 * start)
    ref = home.artifacts.produce(
        expert_recipe(name, subsets, base, EXPERT, 1, name),
        lambda place: train_expert(base, rows, EXPERT, place, name, n_steps=1),
    )
    home.artifacts.set_current(f"expert-{name}", ref)
    return ref


@pytest.fixture
def export(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs the command in that home."""

    def run(*args: Any) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "COLUMNS": "120"}
        return run_empathy("export", *map(str, args), "--home", str(home), env=env, timeout=120)

    return run


def test_a_mixture_is_exported_with_the_digests_it_came_from(
    export: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    done = export("mixture", tmp_path / "out", "--format", "moe", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["out"] == str(tmp_path / "out")
    kinds = sorted(name.split("/")[0] for name in told["artifacts"])
    assert kinds == ["expert", "expert", "mixture", "subsets"]
    assert all((home / "artifacts" / name).is_dir() for name in told["artifacts"])
    assert "LlamaForCausalLM" not in (tmp_path / "out" / "config.json").read_text()


def test_an_expert_is_named_or_given_as_an_artifact(export: Callable[..., Any], home: Path, tmp_path: Path) -> None:
    assert export("sensibility", tmp_path / "named", "--format", "merged").returncode == 0
    ref = json.loads((home / "artifacts" / "current" / "expert-rationality.json").read_text())
    done = export(ref["uri"], tmp_path / "given", "--format", "lora")
    assert done.returncode == 0, done.stderr
    assert "greedy text" in done.stdout


def test_the_card_holds_the_newest_evaluation_of_this_very_model(
    export: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    for number, value in enumerate((9.5, 8.5)):
        evaluate(home, "sensibility", number, value)
    for model, said in (("sensibility", "8.50 [8.00, 9.00]"), ("rationality", "was not evaluated")):
        done = export(model, tmp_path / model, "--format", "lora")
        assert done.returncode == 0, done.stderr
        card = (tmp_path / model / "README.md").read_text()
        assert said in card
        assert "9.50" not in card
        assert str(home) not in card
        assert ("This model is the row `sensibility`" in card) == (model == "sensibility")


def evaluate(home: Path, name: str, number: int, value: float) -> None:
    """Make an evaluation artifact of the current expert `name`, and of the base as its control."""
    store = ArtifactStore(str(home / "artifacts"), home / "cache")
    model = store.get_current(f"expert-{name}")
    assert model is not None
    systems = {name: (model,), "base": ()}
    rows = [
        {"system": system, "metric": "perplexity", "value": value, "low": value - 0.5, "high": value + 0.5, "n": 8}
        for system in systems
    ]

    def build(place: Path) -> dict[str, Any]:
        pl.DataFrame(rows).write_parquet(place / "metrics.parquet")
        return {"n_rows": len(rows)}

    responses = [
        store.produce(Recipe("responses", 1, {"system": system, "number": number}, parents), lambda _: {"n_rows": 8})
        for system, parents in systems.items()
    ]
    store.produce(Recipe("evaluation", 1, {"number": number}, tuple(responses)), build)


@pytest.mark.parametrize(
    ("model", "export_format", "said"),
    [
        ("nobody", "moe", "empathy route"),
        ("linear", "moe", "empathy serve"),
        ("sensibility", "moe", "no mixture"),
        ("mixture", "merged", "--format moe"),
        ("mixture", "gguf", "moe"),
    ],
)
def test_what_cannot_be_exported_exits_2_and_says_what_to_do(
    model: str, export_format: str, said: str, export: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    if model == "linear":
        found = [path.parent for path in home.glob("artifacts/mixture/*/mixture.json") if "linear" in path.read_text()]
        model = str(found[0])
    done = export(model, tmp_path / "out", "--format", export_format)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(export: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    for force in ([], ["--force"]):
        assert export("sensibility", tmp_path, "--format", "lora", *force).returncode == 2
    assert [tmp_path / "mine.txt"] == list(tmp_path.iterdir())
