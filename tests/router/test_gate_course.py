"""The gates during training: the same record from a log that was never interrupted and from one that was."""

import pytest

pytestmark = pytest.mark.train
pytest.importorskip("torch")


def make_history() -> list[dict[str, float]]:
    from tasks.router.watched_trainer import flatten_gates

    def entry(layer: int, step: int) -> dict[str, object]:
        gate = 0.5 + 0.01 * layer + 0.001 * step
        measures = {"entropy": gate, "entropy_share": gate / 2, "distance": gate - 0.5}
        return {
            "layer": f"model.layers.{layer}.mlp",
            "gates": {"sensibility": gate, "rationality": 1 - gate},
            **measures,
        }

    noted = [
        {"loss": 1.0, **flatten_gates(entry(layer, step) for layer in range(12)), "step": step} for step in (1, 2, 4)
    ]
    return [noted[0], noted[1], {"loss": 1.0, "step": 3}, noted[2]]


def test_a_log_that_a_checkpoint_has_sorted_gives_the_same_record() -> None:
    from tasks.router.watched_trainer import collect_gates

    history = make_history()
    as_read_again = [dict(sorted(entry.items())) for entry in history[:3]] + history[3:]
    whole, resumed = collect_gates(history), collect_gates(as_read_again)
    assert [step["step"] for step in whole] == [1, 2, 4]
    assert str(resumed) == str(whole)  # the order of the names too: it is written to a file
    first = whole[0]["layers"][0]
    assert list(first) == ["layer", "gates", "entropy", "entropy_share", "distance"]
    assert list(first["gates"]) == ["sensibility", "rationality"]


def test_a_log_without_gates_gives_no_record() -> None:
    from tasks.router.watched_trainer import collect_gates

    assert collect_gates([{"loss": 1.0, "step": 1}]) == []
