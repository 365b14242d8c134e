"""What makes an evaluation another one, and what does not."""

from tasks.artifacts import ArtifactStore
from tasks.config import EvaluationConfig
from tasks.evaluation import evaluation_recipe, responses_recipe
from tasks.schema import ArtifactRef


def make_ref(kind, sha="a"):
    return ArtifactRef(kind=kind, uri=f"/{kind}", sha256=sha * 64, n_rows=1, config_digest="0" * 32)


def make_recipe(config=EvaluationConfig(), system="union", model=make_ref("expert"), **changes):  # noqa: B008 - frozen
    options = {"prompt_format": "chat", "base_digest": "b", **changes}
    return responses_recipe(system, [make_ref("dialogues")], model, config, **options)


def test_how_it_is_computed_does_not_change_the_artifact():
    other = EvaluationConfig(batch_size=3, bootstrap=200, systems=("base",))
    assert make_recipe(other).digest == make_recipe().digest


def test_whatever_changes_a_response_changes_the_artifact():
    recipes = [
        make_recipe(),
        make_recipe(EvaluationConfig(max_turns=5)),
        make_recipe(EvaluationConfig(max_responses=5)),
        make_recipe(EvaluationConfig(max_new_tokens=5)),
        make_recipe(EvaluationConfig(seed=5)),
        make_recipe(EvaluationConfig(split="valid")),
        make_recipe(system="full"),
        make_recipe(model=make_ref("expert", "b")),
        make_recipe(model=None),
        make_recipe(prompt_format="released"),
        make_recipe(base_digest="c"),
        make_recipe(instruction="Be kind."),
    ]
    assert len({recipe.digest for recipe in recipes}) == len(recipes)


def test_more_resamples_repeat_the_comparison_and_no_system():
    parts = [make_ref("responses", "a"), make_ref("responses", "b")]
    digests = {evaluation_recipe(parts, EvaluationConfig(bootstrap=n)).digest for n in (100, 200)}
    assert len(digests) == 2
    assert (
        evaluation_recipe(parts, EvaluationConfig(max_turns=9)).digest
        == evaluation_recipe(parts[::-1], EvaluationConfig()).digest
    )


def test_a_system_that_was_evaluated_is_not_evaluated_again(tmp_path):
    store = ArtifactStore(str(tmp_path / "artifacts"), tmp_path / "cache")
    builds = []

    def build(folder):
        builds.append(folder)
        (folder / "responses.parquet").write_bytes(b"rows")
        return {"n_rows": 1}

    first = store.produce(make_recipe(), build)
    assert store.produce(make_recipe(EvaluationConfig(batch_size=1)), build) == first
    assert len(builds) == 1
