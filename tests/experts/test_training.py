"""Training on the tiny model: it learns, it is repeatable to the byte, and an expert comes back as it was saved."""

import json
import logging
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.config import ExpertConfig
from tasks.errors import ArtifactError, ConfigError, UsageError
from tasks.experts import Base, Runtime, expert_recipe, load_base, load_expert, train_expert
from tasks.schema import ArtifactRef

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

CONFIG = ExpertConfig(base_model="tiny-llama", learning_rate=5e-3, batch_size=4, max_length=128, too_long="cut")
SUBSETS = ArtifactRef(kind="subsets", uri="/a", sha256="0" * 64, n_rows=1, config_digest="1" * 32)


@pytest.fixture(scope="module")
def trained(base: Base, make_rows: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """An expert trained for six steps on 24 turns, and its facts."""
    folder = tmp_path_factory.mktemp("expert")
    return folder, train_expert(base, make_rows(24), CONFIG, folder, "sensibility", n_steps=6, runtime=Runtime("cpu"))


def change(**fields: Any) -> ExpertConfig:
    return CONFIG.model_copy(update=fields)


def test_the_folder_holds_the_adapter_its_course_and_its_rows_and_nothing_else(trained: Any) -> None:
    folder, facts = trained
    expected = ["adapter_config.json", "adapter_model.safetensors", "rows.parquet", "training.json"]
    assert expected == sorted(path.name for path in folder.iterdir())
    record = json.loads((folder / "training.json").read_text())
    assert [point["step"] for point in record["loss"]] == [1, 2, 3, 4, 5, 6]
    assert record["loss"][-1]["loss"] < record["loss"][0]["loss"]
    assert facts["n_rows"] == 24
    assert record["n_tokens"] > record["n_response_tokens"] > 0
    assert set(record["versions"]) == {"torch", "transformers", "peft", "trl"}


def test_the_first_loss_is_that_of_the_base_on_the_same_rows(base: Base, rows: pl.DataFrame, tmp_path: Path) -> None:
    from tasks.experts import to_training_rows
    from tasks.experts.losses import label_nlls

    config = change(batch_size=1, lora_dropout=0.0)
    train_expert(base, rows.head(1), config, tmp_path, "sensibility", n_steps=1, runtime=Runtime("cpu"))
    model, tokenizer = load_base(base, "cpu")
    row = to_training_rows(rows.head(1), tokenizer, "chat", 128).frame
    ids, labels = (torch.tensor([row[name][0].to_list()]) for name in ("input_ids", "labels"))
    expected = label_nlls(model, model.get_output_embeddings(), ids, torch.ones_like(ids), labels).mean().item()
    found = json.loads((tmp_path / "training.json").read_text())["loss"][0]["loss"]
    assert math.isclose(found, expected, rel_tol=1e-5)


def test_rows_lists_every_turn_it_saw(trained: Any, make_rows: Any) -> None:
    listed = pl.read_parquet(trained[0] / "rows.parquet")
    assert listed.columns == ["dialogue_id", "turn_key"]
    assert set(listed["turn_key"]) == set(make_rows(24)["turn_key"])


def test_the_same_turns_in_another_order_give_the_same_bytes(
    base: Base, trained: Any, make_rows: Any, tmp_path: Path
) -> None:
    shuffled = make_rows(24).sample(fraction=1, shuffle=True, seed=3)
    train_expert(base, shuffled, CONFIG, tmp_path, "sensibility", n_steps=6, runtime=Runtime("cpu"))
    for name in ("adapter_model.safetensors", "adapter_config.json", "rows.parquet"):
        assert (tmp_path / name).read_bytes() == (trained[0] / name).read_bytes(), name


def test_another_seed_gives_another_adapter(base: Base, trained: Any, make_rows: Any, tmp_path: Path) -> None:
    train_expert(base, make_rows(24), change(seed=1), tmp_path, "sensibility", n_steps=6, runtime=Runtime("cpu"))
    weights = "adapter_model.safetensors"
    assert (tmp_path / weights).read_bytes() != (trained[0] / weights).read_bytes()


def test_a_reloaded_expert_answers_bit_for_bit_as_before_it_was_saved(
    base: Base, rows: pl.DataFrame, tmp_path: Path
) -> None:
    from tasks.experts import prepare_lesson
    from tasks.experts.training import fit_adapter, save_adapter

    model, tokenizer = load_base(base, "cpu")
    lesson = prepare_lesson(rows, None, base, tokenizer, CONFIG, CONFIG, 3, Runtime())
    before, _ = fit_adapter(model, tokenizer, lesson, CONFIG, "sensibility")
    save_adapter(before, base, tmp_path)
    (tmp_path / "training.json").write_text(json.dumps({"base": {"name": base.name, "digest": base.digest}}))
    after, _ = load_expert(tmp_path, base, device="cpu")
    ids = torch.tensor([lesson.ordered["input_ids"][0].to_list()])
    with torch.inference_mode():
        assert torch.equal(before(input_ids=ids).logits, after(input_ids=ids).logits)
        with after.disable_adapter():
            assert not torch.equal(before(input_ids=ids).logits, after(input_ids=ids).logits)


def test_steps_beyond_the_rows_go_round_again(base: Base, make_rows: Any, tmp_path: Path) -> None:
    facts = train_expert(base, make_rows(3), CONFIG, tmp_path, "rationality", n_steps=5, runtime=Runtime("cpu"))
    assert (facts["n_steps"], facts["n_rows"]) == (5, 3)


def test_max_steps_wins_over_epochs_and_n_steps_over_both(base: Base, rows: pl.DataFrame, tmp_path: Path) -> None:
    def count_steps(n_steps: int | None, **fields: Any) -> int:
        facts = train_expert(
            base, rows, change(**fields), tmp_path, "sensibility", n_steps=n_steps, runtime=Runtime("cpu")
        )
        return int(facts["n_steps"])

    assert count_steps(None, epochs=0.5) == 3
    assert count_steps(None, epochs=0.5, max_steps=2) == 2
    assert count_steps(1, epochs=0.5, max_steps=2) == 1


@pytest.mark.parametrize(("preset", "expected"), [("composable", 3), ("paper", 7)])
def test_a_preset_adapts_its_linears_in_every_layer(
    base: Base, rows: pl.DataFrame, tmp_path: Path, preset: str, expected: int
) -> None:
    from safetensors.torch import load_file

    train_expert(base, rows, change(target_modules=preset), tmp_path, "sensibility", n_steps=1, runtime=Runtime("cpu"))
    weights = load_file(tmp_path / "adapter_model.safetensors")
    assert len(weights) == 2 * 2 * expected  # A and B, two layers


def test_an_adapter_names_its_base_and_no_path(trained: Any, base: Base) -> None:
    text = (trained[0] / "adapter_config.json").read_text()
    assert json.loads(text)["base_model_name_or_path"] == "tiny-llama"
    assert base.path not in text


def test_an_empty_subset_is_refused(base: Base, rows: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to learn from"):
        train_expert(base, rows.clear(), CONFIG, tmp_path, "sensibility", runtime=Runtime("cpu"))


def test_a_loss_that_is_no_number_stops_training(base: Base, rows: pl.DataFrame, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    broken.mkdir()
    for path in Path(base.path).iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][:] = math.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="diverged") as caught:
        train_expert(
            Base("broken", str(broken), "", "x"),
            rows,
            CONFIG,
            tmp_path,
            "sensibility",
            n_steps=3,
            runtime=Runtime("cpu"),
        )
    assert "learning_rate" in caught.value.do


def test_training_reports_each_step_and_prints_nothing(
    base: Base, rows: pl.DataFrame, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="empathy.progress"):
        train_expert(base, rows, CONFIG, tmp_path, "sensibility", n_steps=2, runtime=Runtime("cpu"))
    points = [(record.step, record.done, record.total) for record in caplog.records if hasattr(record, "step")]
    assert [("train sensibility", done, 2) for done in range(3)] == points
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_folder_without_an_expert_is_refused(base: Base, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no expert here"):
        load_expert(tmp_path, base, device="cpu")


def test_an_expert_of_another_base_is_refused(trained: Any, base: Base) -> None:
    other = Base("other", base.path, "", "f" * 32)
    with pytest.raises(ArtifactError, match="trained on the base 'tiny-llama'"):
        load_expert(trained[0], other, device="cpu")


def test_a_recipe_changes_with_what_an_adapter_is_made_from_and_with_nothing_else(base: Base) -> None:
    def digest(
        name: str = "sensibility",
        n_steps: int = 6,
        base: Base = base,
        learned: str = "r",
        tried: str = "",
        **fields: Any,
    ) -> str:
        return expert_recipe(name, SUBSETS, base, change(**fields), n_steps, learned, tried).digest

    moved = Base(base.name, "/elsewhere", base.revision, base.digest)
    assert digest() == digest(base=moved) == digest(max_steps=9, epochs=2.0)
    others = [
        digest("rationality"),
        digest(n_steps=7),
        digest(learned="other rows"),
        digest(tried="some turns"),
        digest(lora_r=4),
        digest(base=Base(base.name, base.path, "", "0")),
    ]
    assert len({digest(), *others}) == 7
