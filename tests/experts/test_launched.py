"""A training in several processes ends as one in this process does; their errors, and their end, are ours."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tasks.config import ExpertConfig
from tasks.errors import ConfigError, EmpathyError, StoppedShortError
from tasks.experts import Base, Checkpoints, Job, Runtime, launch, launch_expert, split_step, train_expert

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402 - after the skip

ROOT = Path(__file__).resolve().parents[2]
CONFIG_FILES = ROOT / "deployments" / "accelerate"
TWO = CONFIG_FILES / "ddp-cpu.yaml"
CONFIG = ExpertConfig(
    base_model="tiny-llama", learning_rate=5e-3, batch_size=4, max_length=128, too_long="cut", lora_dropout=0.0,
    n_evaluations=3, eval_turns=4, keep="best",
)  # fmt: skip
N_STEPS = 3
WORKER = """
import os, sys, time
from pathlib import Path
from tasks.experts import run_worker
from tasks.errors import ConfigError
from tasks.progress import report_notice, report_progress

def train(job, frames):
    report_progress("wait", 1, 2, rank=os.environ["RANK"])
    report_notice("something to know")
    print('{"not": "ours"}', flush=True)
    (Path(job["folder"]) / os.environ["RANK"]).write_text(str(os.getpid()))
    if job["do"] == "refuse" and os.environ["RANK"] == "1":
        raise ConfigError("No.", where="there", do="this")
    if job["do"] == "crash" and os.environ["RANK"] == "1":
        raise ValueError("a bug that nobody knows")
    if job["do"] != "end":
        time.sleep(120)
    return {"token": os.environ.get("EMPATHY_HF_TOKEN"), "job": job}

sys.exit(run_worker(train, Path(sys.argv[1])))
"""
SHARDED_WORKER = """
import sys
from pathlib import Path
import torch
import accelerate.state
import tasks.experts.jobs as jobs
import tasks.experts.training as training
from accelerate.utils import DistributedType
from tasks.experts import run_worker

def set_device(self):
    self.device = torch.device("cpu")

def gather(model):
    kinds = {type(value).__name__ for value in model.parameters()}
    (Path(__file__).parent / "sharded").write_text(",".join(sorted(kinds)))
    return gather_trained(model)

if __name__ == "__main__":
    torch.distributed.init_process_group("gloo")
    accelerate.state.PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_GPU)
    accelerate.state.PartialState.set_device = set_device
    jobs.is_sharded = lambda: False  # it would refuse
    gather_trained, training.gather_trained = training.gather_trained, gather
    sys.exit(run_worker(jobs.train_expert_job, Path(sys.argv[1])))
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have two processes do something that needs no model; return what they return."""
    (tmp_path / "small_worker.py").write_text(WORKER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("EMPATHY_HF_TOKEN", raising=False)
    (tmp_path / "seen").mkdir()

    def run(do: str, token: str | None = None) -> dict[str, Any]:
        return launch("small_worker", {"do": do, "folder": str(tmp_path / "seen")}, {}, TWO, token)

    return run


def list_workers(folder: Path) -> list[int]:
    return [int(path.read_text()) for path in folder.iterdir() if path.read_text()]


def test_two_processes_stop_at_a_checkpoint_and_end_as_one_does(base: Base, make_rows: Any, tmp_path: Path) -> None:
    def train(folder: str, how: Any, **fields: Any) -> dict[str, Any]:
        (tmp_path / folder).mkdir(exist_ok=True)
        runtime = Runtime("cpu", **fields)
        how(base, make_rows(24), CONFIG, tmp_path / folder, "sensibility", N_STEPS, make_rows(8, start=100), runtime)
        return json.loads((tmp_path / folder / "training.json").read_text())

    one = train("one", train_expert)
    kept = tmp_path / "checkpoints"
    with pytest.raises(StoppedShortError, match="1 of 3 steps") as stopped:
        train("two", launch_expert, accelerate_config=TWO, checkpoints=Checkpoints(kept, max_minutes=0))
    assert stopped.value.exit_code == 3
    assert [path.name for path in kept.glob("checkpoint-*")] == ["checkpoint-1"]
    assert not (tmp_path / "two" / "training.json").exists()

    two = train("two", launch_expert, accelerate_config=TWO, checkpoints=Checkpoints(kept))
    for name, field in (("loss", "loss"), ("eval_loss", "eval_loss")):
        expected = [step[field] for step in one[name]]
        assert [step[field] for step in two[name]] == pytest.approx(expected, abs=1e-5)
    assert two["kept_step"] == one["kept_step"]
    weights = [load_file(tmp_path / name / "adapter_model.safetensors") for name in ("one", "two")]
    assert weights[0].keys() == weights[1].keys()
    assert max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0]) <= 1e-5
    assert (tmp_path / "one" / "rows.parquet").read_bytes() == (tmp_path / "two" / "rows.parquet").read_bytes()


def test_what_cannot_be_split_is_refused_as_in_one_process(base: Base, make_rows: Any, tmp_path: Path) -> None:
    odd = CONFIG.model_copy(update={"batch_size": 3})
    with pytest.raises(ConfigError, match="3 turns a step cannot be split into 2 processes") as refused:
        launch_expert(
            base, make_rows(8), odd, tmp_path, "sensibility", 1, runtime=Runtime("cpu", accelerate_config=TWO)
        )
    assert refused.value.exit_code == 2
    assert "batch_size" in refused.value.where


def test_progress_is_reported_again_and_a_token_travels_by_the_environment_only(
    work: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="empathy.progress"):
        facts = work("end", token="hf_canary")
    assert facts["token"] == "hf_canary"
    assert "hf_canary" not in json.dumps(facts["job"])
    assert [(r.step, r.done, r.fields) for r in caplog.records if hasattr(r, "step")] == [("wait", 1, {"rank": "0"})]
    assert [r.notice for r in caplog.records if hasattr(r, "notice")] == ["something to know"]


def test_an_error_of_one_process_is_the_same_error_here_and_ends_the_other(work: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        work("refuse")
    assert (refused.value.what, refused.value.where, refused.value.do) == ("No.", "there", "this")
    assert not any(psutil.pid_exists(pid) for pid in list_workers(tmp_path / "seen"))


@pytest.mark.system
def test_a_crash_says_what_happened_last(work: Any) -> None:
    with pytest.raises(EmpathyError, match="a bug that nobody knows") as crashed:
        work("crash")
    assert crashed.value.exit_code == 1
    assert "ddp-cpu.yaml" in crashed.value.where


@pytest.mark.system
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_processes_end_with_the_one_that_asked_for_them(work: Any, tmp_path: Path, how: signal.Signals) -> None:
    job = {"do": "wait", "folder": str(tmp_path / "seen")}
    program = (
        "import signal; from pathlib import Path; from tasks.experts import launch; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored in a shell's background job
        f"launch('small_worker', {job!r}, {{}}, Path({str(TWO)!r}), None)"
    )
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    parent = subprocess.Popen([sys.executable, "-c", program], env=env, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(list_workers(tmp_path / "seen")) == 2, 120)
        workers = list_workers(tmp_path / "seen")
        parent.send_signal(how)
        parent.wait(60)
        wait_for(lambda: not any(psutil.pid_exists(pid) for pid in workers), 60)
    finally:
        parent.kill()
    assert parent.returncode != 0


@pytest.mark.system
def test_fsdp_stops_at_a_checkpoint_and_ends_as_one_process_does(
    base: Base, make_rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU: accelerate spreads models over GPUs only, so its worker is told that it has some."""
    text = (CONFIG_FILES / "fsdp.yaml").read_text().replace("num_processes: 8", "num_processes: 2\nuse_cpu: true")
    (tmp_path / "fsdp.yaml").write_text(text.replace("mixed_precision: bf16", 'mixed_precision: "no"'))
    (tmp_path / "sharded_worker.py").write_text(SHARDED_WORKER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("tasks.experts.jobs.WORKER", "sharded_worker")
    config = CONFIG.model_copy(update={"keep": "last"})

    def train(folder: str, how: Any, **fields: Any) -> dict[str, Any]:
        (tmp_path / folder).mkdir(exist_ok=True)
        runtime = Runtime("cpu", **fields)
        how(base, make_rows(24), config, tmp_path / folder, "sensibility", N_STEPS, make_rows(8, start=100), runtime)
        return load_file(tmp_path / folder / "adapter_model.safetensors")

    one, sharded, kept = train("one", train_expert), tmp_path / "fsdp.yaml", tmp_path / "checkpoints"
    with pytest.raises(StoppedShortError, match="1 of 3 steps"):
        train("two", launch_expert, accelerate_config=sharded, checkpoints=Checkpoints(kept, max_minutes=0))
    two = train("two", launch_expert, accelerate_config=sharded, checkpoints=Checkpoints(kept))
    assert "DTensor" in (tmp_path / "sharded").read_text()
    assert one.keys() == two.keys()
    assert max(float((one[name] - two[name]).abs().max()) for name in one) <= 1e-5


def test_fsdp_without_a_gpu_is_refused(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError, match="spreads a model over GPUs"):
        Job(base=base, folder=tmp_path, n_steps=1, runtime=Runtime("cpu")).take_runtime()
    with pytest.raises(ConfigError, match="best weights cannot be kept"):
        split_step(CONFIG)


def wait_for(is_so: Any, timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("- a list", "names no distributed_type"),
        ("a: [", "cannot be used"),
        ("distributed_type: MULTI_GPU\nnum_machines: 2", "one machine"),
    ],
)
def test_a_config_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as refused:
        launch("small_worker", {}, {}, path, None)
    assert "EMPATHY_ACCELERATE_CONFIG" in refused.value.where


def test_every_shipped_config_file_is_one_that_accelerate_reads() -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    found = {path.name: load_config_from_file(str(path)) for path in CONFIG_FILES.glob("*.yaml")}
    assert sorted(found) == ["ddp-cpu.yaml", "ddp.yaml", "fsdp.yaml"]
    assert {config.num_machines for config in found.values()} == {1}
    assert [found[name].mixed_precision for name in ("ddp.yaml", "fsdp.yaml")] == ["bf16", "bf16"]
