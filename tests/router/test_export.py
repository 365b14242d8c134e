"""An export is an ordinary checkpoint that answers as the model it was made from, or there is none."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ArtifactError, UsageError
from tasks.schema import ArtifactRef

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from tasks.experts import Ancestor, load_base, load_expert  # noqa: E402 - after the skip
from tasks.router import Background, export_model, load_mixture  # noqa: E402 - likewise
from tests.router.references import get_logits, write_greedily  # noqa: E402 - likewise

TWINS = {"llama": "MixtralForCausalLM", "mistral": "MixtralForCausalLM", "qwen3": "Qwen3MoeForCausalLM"}
CONVERSATION = [{"role": "user", "content": "I lost my keys."}]


def load_plainly(folder: Path) -> tuple[Any, Any]:
    model, told = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    return model.eval(), transformers.AutoTokenizer.from_pretrained(folder)


def list_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("architecture", ["llama", "mistral", "qwen3"])
def test_a_block_mixture_becomes_the_twins_checkpoint_that_plain_transformers_loads(
    architecture: str, get_trained: Callable[..., Any], tokens: Any, tmp_path: Path
) -> None:
    trained = get_trained(architecture)
    made = export_model(trained.mixture, trained.base, "moe", tmp_path / "out")

    model, tokenizer = load_plainly(tmp_path / "out")
    mixture, ours = load_mixture(trained.mixture, trained.base, "cpu")
    assert TWINS[architecture] == type(model).__name__ == model.config.architectures[0]
    assert torch.float32 == model.dtype
    assert (get_logits(mixture, tokens) - get_logits(model, tokens)).abs().max() <= 1e-4
    assert write_greedily(mixture, tokens) == write_greedily(model, tokens)
    assert ours.apply_chat_template(CONVERSATION) == tokenizer.apply_chat_template(CONVERSATION)
    assert mixture.generation_config.eos_token_id == model.generation_config.eos_token_id
    assert max(made.differences.values()) <= 1e-4
    assert not {name for name in list_files(tmp_path / "out") if name.endswith((".bin", ".pt", ".pkl"))}


def test_the_tensors_of_a_mixtral_export_have_the_names_that_servers_know(
    get_trained: Callable[..., Any], tmp_path: Path
) -> None:
    from safetensors import safe_open

    trained = get_trained("llama")
    export_model(trained.mixture, trained.base, "moe", tmp_path / "out")
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        names = set(file.keys())
    block = "model.layers.0.block_sparse_moe."
    expected = {f"{block}gate.weight", *(f"{block}experts.{i}.w{j}.weight" for i in (0, 1) for j in (1, 2, 3))}
    assert expected == {name for name in names if name.startswith(block)}


@pytest.mark.parametrize(
    ("architecture", "routing", "reason"),
    [("llama", "linear", "linear routing"), ("gemma3", "block", "gemma3_text")],
)
def test_a_mixture_without_a_twin_is_refused_and_serve_is_named(
    architecture: str, routing: str, reason: str, get_trained: Callable[..., Any], tmp_path: Path
) -> None:
    trained = get_trained(architecture, routing)
    with pytest.raises(UsageError, match=reason) as caught:
        export_model(trained.mixture, trained.base, "moe", tmp_path / "out")
    assert caught.value.exit_code == 2
    assert "empathy serve" in caught.value.do
    assert list_files(tmp_path) == set()


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma3"])
def test_each_expert_of_a_mixture_becomes_a_folder_that_pefts_own_loader_reads(
    architecture: str, get_trained: Callable[..., Any], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    trained, out = get_trained(architecture), tmp_path / "out"
    export_model(trained.mixture, trained.base, "lora", out)

    assert {"sensibility", "rationality"} == {path.name for path in out.iterdir() if path.is_dir()}
    for name in ("sensibility", "rationality"):
        config = peft.PeftConfig.from_pretrained(out / name)
        empty = peft.get_peft_model(load_base(trained.base, "cpu")[0], config)
        expected = {key: value.shape for key, value in peft.get_peft_model_state_dict(empty).items()}
        held = load_file(out / name / "adapter_model.safetensors")
        assert expected == {key: value.shape for key, value in held.items()}
        assert not [key for key in held if "router" in key]
        loaded = peft.PeftModel.from_pretrained(load_base(trained.base, "cpu")[0], out / name)
        state = peft.get_peft_model_state_dict(loaded)
        assert all(torch.equal(held[key], state[key]) for key in held)


@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_one_expert_is_merged_into_its_base(
    architecture: str, get_trained: Callable[..., Any], tokens: Any, tmp_path: Path
) -> None:
    trained = get_trained(architecture)
    export_model(trained.folders["rationality"], trained.base, "merged", tmp_path / "out")

    model, _ = load_plainly(tmp_path / "out")
    expert, _ = load_expert(trained.folders["rationality"], trained.base, "cpu")
    assert (get_logits(expert, tokens) - get_logits(model, tokens)).abs().max() <= 1e-4
    assert write_greedily(expert, tokens) == write_greedily(model, tokens)


def test_an_expert_alone_is_exported_as_the_folder_itself(get_trained: Callable[..., Any], tmp_path: Path) -> None:
    trained = get_trained("llama")
    export_model(trained.folders["sensibility"], trained.base, "lora", tmp_path / "out")
    loaded = peft.PeftModel.from_pretrained(load_base(trained.base, "cpu")[0], tmp_path / "out")
    assert list(loaded.peft_config) == ["default"]


@pytest.mark.parametrize(("export_format", "is_mixture"), [("moe", False), ("merged", True)])
def test_a_format_that_does_not_fit_the_model_is_refused(
    export_format: Any, is_mixture: bool, get_trained: Callable[..., Any], tmp_path: Path
) -> None:
    trained = get_trained("llama")
    folder = trained.mixture if is_mixture else trained.folders["sensibility"]
    with pytest.raises(UsageError, match=f"{'mixture' if is_mixture else 'expert'}"):
        export_model(folder, trained.base, export_format, tmp_path / "out")
    assert list_files(tmp_path) == set()


@pytest.mark.parametrize("export_format", ["moe", "lora", "merged"])
def test_an_export_that_is_not_equal_leaves_nothing_and_tells_the_figures(
    export_format: Any, get_trained: Callable[..., Any], tmp_path: Path
) -> None:
    trained = get_trained("llama")
    folder = trained.folders["sensibility"] if export_format == "merged" else trained.mixture
    with pytest.raises(ArtifactError, match=r"difference of a logit is \S+ \(allowed: -\S+\), 0 of 4") as caught:
        export_model(folder, trained.base, export_format, tmp_path / "out", tolerance=-1.0)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_answers_that_differ_in_text_or_are_no_numbers_are_not_equal() -> None:
    from tasks.router.export.checking import Answers, compare

    logits = [torch.zeros(2, 3)]
    assert compare(Answers(logits, [[1, 2]]), Answers([logits[0] + 5e-5], [[1, 2]]), 1e-4) == pytest.approx(5e-5)
    for other in (Answers(logits, [[1, 3]]), Answers([logits[0] * float("nan")], [[1, 2]])):
        with pytest.raises(ArtifactError, match="does not answer as the model"):
            compare(Answers(logits, [[1, 2]]), other, 1e-4)


def test_what_stands_at_the_target_is_replaced_only_by_force_and_only_if_it_is_an_export(
    get_trained: Callable[..., Any], tmp_path: Path
) -> None:
    trained, out = get_trained("llama"), tmp_path / "out"
    folder = trained.folders["sensibility"]
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    for is_forced in (False, True):
        with pytest.raises(UsageError) as caught:
            export_model(folder, trained.base, "lora", out, is_forced=is_forced)
        assert caught.value.exit_code == 2
    assert (out / "mine.txt").read_text() == "precious"

    export_model(folder, trained.base, "lora", tmp_path / "new")
    (tmp_path / "new" / "old.txt").touch()
    with pytest.raises(UsageError, match="something already"):
        export_model(folder, trained.base, "lora", tmp_path / "new")
    export_model(folder, trained.base, "lora", tmp_path / "new", is_forced=True)
    assert not (tmp_path / "new" / "old.txt").exists()
    assert {"new", "out"} == {path.name for path in tmp_path.iterdir()}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o755


@pytest.mark.parametrize("export_format", ["moe", "lora", "merged"])
def test_the_card_names_base_artifacts_and_how_to_load_and_no_path(
    export_format: Any, get_trained: Callable[..., Any], tmp_path: Path
) -> None:
    trained = get_trained("llama")
    folder = trained.folders["sensibility"] if export_format == "merged" else trained.mixture
    ref = ArtifactRef(kind="mixture", uri="/somewhere", sha256="a" * 64, n_rows=1, config_digest="b" * 32)
    background = Background([Ancestor(ref)], "| System | Perplexity |\n|---|---|\n| mixture | 9.87 [9.1, 10.2] |")
    export_model(folder, trained.base, export_format, tmp_path / "out", background=background)

    card = (tmp_path / "out" / "README.md").read_text()
    said = (
        ref.sha256,
        ref.config_digest,
        trained.base.digest,
        Path(trained.base.name).name,
        "vllm serve",
        "llama-serv",
        "9.87 [9.1, 10.2]",
        "loss at the last step",
        "largest difference of a logit",
    )
    assert [text for text in said if text not in card] == []
    assert str(trained.base.path) not in card
    assert "{" not in card
    assert json.loads((tmp_path / "out" / "export.json").read_text())["format"] == export_format


def test_a_damaged_mixture_and_another_base_are_refused(get_trained: Callable[..., Any], tmp_path: Path) -> None:
    trained, other = get_trained("llama"), get_trained("qwen3")
    for export_format in ("moe", "lora"):
        with pytest.raises(ArtifactError, match="was trained on the base"):
            export_model(trained.mixture, other.base, export_format, tmp_path / "out")
    with pytest.raises(ArtifactError, match="was trained on the base"):
        export_model(trained.folders["sensibility"], other.base, "merged", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_larger_logits_may_differ_in_proportion_and_small_ones_by_the_tolerance() -> None:
    from tasks.router.export.checking import Answers, compare

    def answers(scale: float, difference: float) -> Answers:
        return Answers([torch.tensor([[scale, 0.1 * scale + difference]])], [[1, 2]])

    assert compare(answers(30, 0), answers(30, 2e-3), 1e-4) == pytest.approx(2e-3, rel=1e-3)
    for scale, difference in ((30, 4e-3), (0.5, 2e-4)):
        with pytest.raises(ArtifactError, match="does not answer as"):
            compare(answers(scale, 0), answers(scale, difference), 1e-4)
