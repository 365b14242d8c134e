"""The accepted mixture: promoted, rolled back step by step, told with its history, on a folder and on S3."""

from collections.abc import Callable

import pytest

from tasks.artifacts import ArtifactStore
from tasks.errors import ArtifactError, GateError, UsageError
from tasks.evaluation import Comparison, find_accepted, promote, read_history, require_accepted, roll_back
from tasks.manifest import Recipe
from tasks.schema import ArtifactRef

COMPARISON = Comparison(
    perplexity_new=20, perplexity_accepted=20, change=0, lowest=-0.001, highest=0.001, tolerance=0.01, n_seeds_new=3,
    n_seeds_accepted=3, n_turns=5255, n_dialogues=2500,
)  # fmt: skip


def make_mixture(store: ArtifactStore, seed: int) -> ArtifactRef:
    """Return an artifact of the kind, without weights."""
    recipe = Recipe("mixture", 1, {"router": {"seed": seed}, "expert": {"prompt_format": "chat"}})
    return store.produce(recipe, lambda folder: {"n_rows": (folder / "x").write_text(str(seed))})


@pytest.fixture
def store(open_store: Callable[..., ArtifactStore]) -> ArtifactStore:
    return open_store()


@pytest.fixture
def mixtures(store: ArtifactStore) -> list[ArtifactRef]:
    return [make_mixture(store, seed) for seed in range(3)]


def test_nothing_is_accepted_at_first(store):
    assert (find_accepted(store), read_history(store)) == (None, [])
    with pytest.raises(UsageError, match="No mixture has been accepted yet"):
        require_accepted(store)
    with pytest.raises(UsageError, match="none was accepted"):
        roll_back(store)


def test_the_last_promotion_counts_and_says_what_it_replaced(store, open_store, mixtures):
    first, second, _ = mixtures
    promote(store, first, flow_run_id="run", revision="abc", by="gate")
    promote(store, second, evaluation=first)
    assert find_accepted(open_store("elsewhere")) == second
    before, last = read_history(store)
    assert (before.by, before.flow_run_id, before.revision, before.replaced) == ("gate", "run", "abc", None)
    assert (last.by, last.replaced, last.evaluation, last.action) == ("hand", first, first, "promote")
    assert before.at < last.at


def test_promoting_the_accepted_one_again_notes_nothing(store, mixtures):
    promote(store, mixtures[0])
    assert promote(store, mixtures[0]) is None
    assert len(read_history(store)) == 1


def test_the_gate_takes_nothings_place_but_that_of_what_it_compared_with(store, mixtures):
    first, second, third = mixtures
    assert promote(store, first, by="gate")  # the first of all
    assert promote(store, second, by="gate") is None  # nothing was compared
    assert promote(store, second, by="gate", comparison=COMPARISON, compared_with=first)
    with pytest.raises(GateError, match=f"is {second.config_digest[:12]} now, and {first.config_digest[:12]} was"):
        promote(store, third, by="gate", comparison=COMPARISON, compared_with=first)
    assert promote(store, third)  # a person may
    assert find_accepted(store) == third


def test_a_rollback_is_noted_and_goes_back_as_many_steps_as_there_were(store, mixtures):
    for mixture in mixtures:
        promote(store, mixture)
    assert roll_back(store, revision="r").mixture == mixtures[1]
    assert find_accepted(store) == mixtures[1]
    assert roll_back(store).replaced == mixtures[1]
    assert find_accepted(store) == mixtures[0]
    with pytest.raises(UsageError, match="is the first that was accepted"):
        roll_back(store)
    assert [step.action for step in read_history(store)] == ["promote"] * 3 + ["rollback"] * 2


def test_after_a_rollback_another_promotion_is_undone_to_where_the_rollback_led(store, mixtures):
    promote(store, mixtures[0])
    promote(store, mixtures[1])
    roll_back(store)
    promote(store, mixtures[2])
    assert roll_back(store).mixture == mixtures[0]


def test_a_mixture_that_is_gone_is_told_and_not_gone_back_to(store, mixtures):
    promote(store, mixtures[0])
    promote(store, mixtures[1])
    for ref in mixtures[:2]:
        store.fs.rm(ref.uri, recursive=True)
    with pytest.raises(ArtifactError, match="is not there any more"):
        require_accepted(store)
    with pytest.raises(ArtifactError, match="is not there any more"):
        roll_back(store)
    assert find_accepted(store) == mixtures[1]


def test_a_note_that_cannot_be_read_is_told_by_its_place(store, mixtures):
    promote(store, mixtures[0])
    store.write_note("accepted", "2999", "{}")
    with pytest.raises(ArtifactError) as caught:
        find_accepted(store)
    assert caught.value.where.endswith("accepted/2999.json")
