"""The files of infra/ against the schemas of those who read them: compose, Kubernetes, workflows, images, scripts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from prefect.utilities.templating import apply_values

from flows.deploying.pools import read_pools

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = sorted([*INFRA.rglob("*.sh"), ROOT / ".ci" / "run"])
MANIFESTS = [
    (f"{file.name}-{said['kind']}-{said['metadata']['name']}", said)
    for file in sorted((INFRA / "kubernetes").glob("*.yaml"))
    if file.name != "kustomization.yaml"
    for said in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
PODS = [(name, said) for name, said in MANIFESTS if said["kind"] in ("Deployment", "Job")]
KUBERNETES = "1.34"


def read_schema(name: str) -> dict[str, Any]:
    """Return a schema that the package check-jsonschema brings."""
    file = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def read_compose() -> dict[str, Any]:
    return yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))


def read_dockerfile(kind: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with what follows them, comments gone and lines joined."""
    lines = (INFRA / f"Dockerfile.{kind}").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [(line.split()[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_is_as_github_reads_it_and_names_actions_by_commit(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    # by YAML's older rules `on` is a boolean; GitHub reads it as a word
    workflow = {("on" if name is True else name): said for name, said in yaml.safe_load(text).items()}
    jsonschema.Draft7Validator(read_schema("github-workflows")).validate(workflow)
    assert workflow["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one)] == []


def test_every_make_target_of_the_workflows_is_there() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in WORKFLOWS)
    named = set(re.findall(r"run: make ([\w-]+)", text))
    there = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= there


def test_the_compose_file_is_as_its_specification_says() -> None:
    assert list(jsonschema.Draft7Validator(read_schema("compose-spec")).iter_errors(read_compose())) == []


def test_compose_publishes_loopback_only_and_pins_what_it_does_not_build() -> None:
    services = read_compose()["services"]
    published = [port for said in services.values() for port in said.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    images = {said["image"] for said in services.values() if not said["image"].startswith("efficient-empathy:")}
    assert len(images) == 3
    assert [one for one in images if not re.search(r":\d+\.\d+", one)] == []
    ours = [said for said in services.values() if said["image"].startswith("efficient-empathy:")]
    assert all(said["read_only"] and said["cap_drop"] == ["ALL"] for said in ours)


def test_every_secret_of_the_compose_file_is_asked_for_in_the_example() -> None:
    text = (INFRA / "compose.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    example = (INFRA / ".env.example").read_text(encoding="utf-8")
    assert used == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    # missing, it is a message that names the file, and no service without a password
    required = set(re.findall(r"\$\{(\w+):\?see infra/\.env\.example\}", text))
    assert used - required == {one for one in used if one.startswith("EMPATHY_")}


def test_prefect_has_the_same_settings_wherever_it_is_put() -> None:
    local = (INFRA / "local" / "plan.py").read_text(encoding="utf-8")
    there = set(re.findall(r'"(PREFECT_(?:API_DATABASE|REDIS|SERVER)_\w+)"', local))
    # three things of Prefect's have an address of Redis of their own
    assert {name for name in there if name.endswith("_URL")} == {
        "PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_REDIS_MESSAGING_URL", "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL",
        "PREFECT_SERVER_DOCKET_URL",
    }  # fmt: skip
    compose = read_compose()["services"]
    assert there <= compose["server"]["environment"].keys() & compose["services"]["environment"].keys()
    said = {**find_manifest("ConfigMap")["data"], **find_manifest("Secret", "efficient-empathy-server")["stringData"]}
    assert there <= said.keys()


def find_manifest(kind: str, name: str = "efficient-empathy-server") -> dict[str, Any]:
    (found,) = (said for _, said in MANIFESTS if (said["kind"], said["metadata"]["name"]) == (kind, name))
    return found


def test_docker_reads_the_compose_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker client with its plugin compose is here")
    command = [docker, "compose", "-f", str(INFRA / "compose.yaml"), "--profile", "gpu", "config", "--quiet"]
    values = dict.fromkeys(re.findall(r"^(\w+)=$", (INFRA / ".env.example").read_text(), re.MULTILINE), "x")
    done = subprocess.run(command, env={**values, "PATH": str(Path(docker).parent)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "said"), MANIFESTS, ids=[name for name, _ in MANIFESTS])
def test_a_manifest_is_as_kubernetes_reads_it_and_leaves_the_namespace_open(name: str, said: dict[str, Any]) -> None:
    kubernetes_validate.validate(said, KUBERNETES, strict=True)
    assert "namespace" not in said["metadata"]


def test_kustomize_names_every_manifest_but_the_example_of_a_secret() -> None:
    said = yaml.safe_load((INFRA / "kubernetes" / "kustomization.yaml").read_text(encoding="utf-8"))
    files = {file.name for file in (INFRA / "kubernetes").glob("*.yaml")}
    assert {*said["resources"], "kustomization.yaml", "secret.example.yaml"} == files
    kinds = Counter(manifest["kind"] for _, manifest in MANIFESTS)
    assert kinds["Deployment"] == 4
    assert kinds["NetworkPolicy"] == 2


@pytest.mark.parametrize(("name", "said"), PODS, ids=[name for name, _ in PODS])
def test_a_pod_has_no_more_rights_than_it_needs(name: str, said: dict[str, Any]) -> None:
    pod = said["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    is_worker = pod.get("serviceAccountName") == "efficient-empathy-worker"
    assert is_worker or pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["limits"]["memory"]
        assert not container["image"].endswith(":latest")


@pytest.mark.parametrize("pool", ["cpu", "gpu"])
def test_the_job_that_a_worker_makes_is_as_kubernetes_reads_it(pool: str) -> None:
    template = read_pools(ROOT / "deployments" / "pools", "kubernetes")[pool].base_job_template
    properties = template["variables"]["properties"]
    defaults = {name: said["default"] for name, said in properties.items() if "default" in said}
    # what a worker fills in, as it writes it
    filled = {"name": "run", "command": ["prefect", "flow-run", "execute"], "labels": {}}
    job = apply_values(template["job_configuration"], {**defaults, **filled}, remove_notset=True)["job_manifest"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": name, "value": value} for name, value in container["env"].items()]
    kubernetes_validate.validate(job, KUBERNETES, strict=True)
    assert container["resources"]["limits"].get("nvidia.com/gpu") == (1 if pool == "gpu" else None)
    claims = [one["persistentVolumeClaim"]["claimName"] for one in job["spec"]["template"]["spec"]["volumes"]
              if "persistentVolumeClaim" in one]  # fmt: skip
    made = {said["metadata"]["name"] for _, said in MANIFESTS if said["kind"] == "PersistentVolumeClaim"}
    assert set(claims) <= made
    assert defaults["secret_name"] in {said["metadata"]["name"] for _, said in MANIFESTS if said["kind"] == "Secret"}


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_an_image_is_pinned_and_runs_as_nobody_in_particular(kind: str) -> None:
    instructions = read_dockerfile(kind)
    bases = [rest.split()[0] for word, rest in instructions if word == "FROM"]
    assert len(bases) == 2
    assert all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)
    last = max(i for i, (word, _) in enumerate(instructions) if word == "FROM")
    assert [rest for word, rest in instructions[last:] if word == "USER"] == ["1000:1000"]


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_what_an_image_copies_exists_and_is_let_through(kind: str) -> None:
    copies = [rest.split()[:-1] for word, rest in read_dockerfile(kind) if word == "COPY" and "--from" not in rest]
    sources = {source for words in copies for source in words}
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    ignored = (INFRA / f"Dockerfile.{kind}.dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert let_through == sources
    assert not any(fnmatch("infra/.env", pattern) for pattern in let_through)


@pytest.mark.parametrize(("kind", "extras"), [("cpu", ["services"]), ("gpu", ["services", "train"])])
def test_an_image_has_the_extras_it_needs_and_they_are_there(kind: str, extras: list[str]) -> None:
    text = "\n".join(rest for word, rest in read_dockerfile(kind) if word == "RUN")
    (said,) = re.findall(r"list_requirements\.py pyproject\.toml ([\w ]+) >", text)
    assert said.split() == extras
    command = ["python3", str(INFRA / "list_requirements.py"), str(ROOT / "pyproject.toml"), *extras]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    assert listed == [line for lines in wanted for line in lines]
    assert any(line.startswith("torch==") for line in listed) == (kind == "gpu")


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_a_shell_script_has_no_fault_that_shellcheck_knows(file: Path) -> None:
    # beside this Python, whether or not its folder is on the path
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([str(shellcheck), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
