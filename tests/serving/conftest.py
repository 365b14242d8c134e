"""A tiny random mixture, a server over it in a thread of its own, and a home from which `empathy serve` serves it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.artifacts import ArtifactStore
from tasks.manifest import Recipe
from tasks.serving import Limits

EXPERTS = ("sensibility", "rationality")
LINEARS = ["q_proj", "v_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The base model `tiny-llama`, built once."""
    pytest.importorskip("torch")
    from tasks.experts import prepare_base

    return prepare_base("tiny-llama", "", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def experts(base: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two random LoRA adapters as the experts stage leaves them."""
    import peft
    import torch

    from tasks.experts import load_base

    folders = {}
    for seed, name in enumerate(EXPERTS):
        config = peft.LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM", target_modules=LINEARS)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = peft.get_peft_model(load_base(base, "cpu")[0], config)
            for key, value in model.named_parameters():
                if "lora_B" in key:
                    torch.nn.init.normal_(value, std=0.5)
        folders[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(folders[name])
        write_training(folders[name], base)
    return folders


def write_training(folder: Path, base: Any) -> None:
    (folder / "training.json").write_text(json.dumps({"base": asdict(base)}), encoding="utf-8")


@pytest.fixture
def mixture(base: Any, experts: dict[str, Path]) -> tuple[Any, Any]:
    """A mixture of both, which nothing but the length ends, and its tokenizer."""
    from tasks.experts import load_base
    from tasks.router import compose_mixture

    model, tokenizer = load_base(base, "cpu")
    compose_mixture(model, experts, "block", init_std=1.0, seed=3)
    model.generation_config.eos_token_id = [len(tokenizer) + 1000]
    return model, tokenizer


class Gate:
    """Counts a model's steps, and holds them back while it is closed."""

    def __init__(self, model: Any) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.n_steps = 0
        model.register_forward_pre_hook(self.wait)

    def wait(self, *_: object) -> None:
        self.n_steps += 1
        self.opened.wait(60)

    def close(self) -> None:
        self.opened.clear()


@pytest.fixture
def gate(mixture: tuple[Any, Any]) -> Iterator[Gate]:
    """A gate before every step of the mixture, open to begin with."""
    gate = Gate(mixture[0])
    yield gate
    gate.opened.set()


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    url: str
    service: Any


@pytest.fixture
def serve(mixture: tuple[Any, Any]) -> Iterator[Callable[..., Running]]:
    """Serve the mixture in a thread of this process; ends with the test."""
    import uvicorn

    from tasks.experts import TurnEncoder
    from tasks.serving.app import make_app
    from tasks.serving.running import bind
    from tasks.serving.service import Service

    with contextlib.ExitStack() as stack:

        def start(key: str | None = None, prompt_format: Any = "chat", **limits: Any) -> Running:
            model, tokenizer = mixture
            service = Service("mixture", model, TurnEncoder(tokenizer, prompt_format), Limits(**limits), "fp_1")
            listener = stack.enter_context(bind("127.0.0.1", 0))
            app = make_app(service, SecretStr(key) if key else None)
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=5))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            stack.callback(thread.join, 30)
            stack.callback(setattr, server, "should_exit", True)
            return Running(f"http://127.0.0.1:{listener.getsockname()[1]}", service)

        yield start


@pytest.fixture(scope="session")
def served_home(base: Any, experts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, make_home: Any) -> Path:
    """A home whose current artifacts are the two experts and a mixture of them."""
    import shutil

    from tasks.experts import load_base
    from tasks.router import compose_mixture, save_mixture

    folder = tmp_path_factory.mktemp("served") / "home [1]"
    store: ArtifactStore = make_home(folder).artifacts

    def record(kind: str, alias: str, config: dict[str, Any], build: Callable[[Path], None]) -> None:
        expert = {"prompt_format": "chat"}
        recipe = Recipe(kind=kind, stage_version=1, config={"expert": expert, **config}, parents=(), inputs={})
        store.set_current(alias, store.produce(recipe, lambda staging: build(staging) or {}))

    def build_mixture(staging: Path) -> None:
        model = compose_mixture(load_base(base, "cpu")[0], experts, "block", init_std=1.0, seed=3)
        save_mixture(model, base, staging)
        write_training(staging, base)

    for name, source in experts.items():

        def copy(staging: Path, source: Path = source) -> None:
            shutil.copytree(source, staging, dirs_exist_ok=True)

        record("expert", f"expert-{name}", {"name": name}, copy)
    record("mixture", "mixture", {"router": {}}, build_mixture)
    return folder


@pytest.fixture
def environment(served_home: Path) -> dict[str, str]:
    """The environment of a person without keys, at home in `served_home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EMPATHY_", "OPENAI_"))}
    return {**kept, "EMPATHY_HOME": str(served_home)}


@pytest.fixture
def start_serving(
    environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Run `empathy serve ARGS` on a free port; return the process and its base URL once it answers.

    Its log is `log.txt` in the test's folder: a pipe that nobody reads would stop it once it is full.
    """
    with contextlib.ExitStack() as stack:

        def start(*args: str, **variables: str) -> tuple[subprocess.Popen[str], str]:
            log = stack.enter_context((tmp_path / "log.txt").open("w"))
            process = subprocess.Popen(
                [sys.executable, "-m", "flows", "serve", *args, "--port", "0", "--json"],
                env={**environment, **variables}, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
            stack.callback(end, process)
            line = process.stdout.readline()
            assert line, (tmp_path / "log.txt").read_text()
            return process, json.loads(line)["url"]

        yield start


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
