"""A run by hand, from `make up` to `make down`: by the run form in a real browser, and by the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from flows.server import find_server
from tests.system.test_report_browser import browser, playwright  # noqa: F401 - a fixture, and the module if it is here

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not on the path"),
]
ROOT = Path(__file__).resolve().parents[2]
LAPTOP = {"width": 1280, "height": 1000}
ON_DEMAND = "select-subsets/on-demand"
RUN_S = 120.0


class Site(NamedTuple):
    """Somebody's server and worker with scored dialogues, and their browser."""

    person: Any
    url: str
    page: Any
    shots: Path

    def ask(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.url}/api/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def list_runs(self) -> dict[str, str]:
        """Return the state of every run of the deployment, by its id."""
        flow, name = ON_DEMAND.split("/")
        runs = self.ask("flow_runs/filter", flows={"name": {"any_": [flow]}}, deployments={"name": {"any_": [name]}})
        return {run["id"]: run["state_type"] for run in runs}

    def open(self, path: str, expected: str) -> None:
        self.page.set_viewport_size(LAPTOP)
        self.page.goto(f"{self.url}/{path}")
        self.page.locator(expected).first.wait_for()

    def open_form(self, deployment: str) -> None:
        found = httpx.get(f"{self.url}/api/deployments/name/{deployment}", timeout=30).json()
        self.open(f"deployments/deployment/{found['id']}/run", ".schema-form-property__label")

    def fill(self, title: str, value: float) -> None:
        self.page.locator(".schema-form-property").filter(has_text=title).last.locator("input").fill(f"{value:g}")

    def submit(self) -> None:
        self.page.get_by_role("button", name="Submit").click()

    def shoot(self, name: str) -> None:
        """Keep a screenshot of all that can be scrolled to."""
        height = self.page.evaluate("Math.max(...[...document.querySelectorAll('*')].map(e => e.scrollHeight))")
        self.page.set_viewport_size({**LAPTOP, "height": min(height, 6000)})
        self.page.wait_for_timeout(500)  # pictures and transitions
        self.page.screenshot(path=self.shots / f"{name}.png")


def make(person: Any, target: str) -> None:
    """Run a target of the Makefile with this interpreter's commands; what is installed stays as it is."""
    command = ["make", "-o", ".venv/.train", target, f"BIN={Path(sys.executable).parent}"]
    done = subprocess.run(
        command, cwd=ROOT, env=person.environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def list_left(person: Any) -> list[list[str]]:
    """Return the command lines of all processes that name the person's home there or in their environment."""
    left = []
    for process in psutil.process_iter(["pid", "environ", "cmdline"]):
        said = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if process.info["pid"] != os.getpid() and any(str(person.home) in part for part in said):
            left.append(process.info["cmdline"])
    return left


@pytest.fixture(scope="module")
def site(operator: Any, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:  # noqa: F811
    shots = Path(os.environ.get("CI_ARTIFACTS") or tmp_path_factory.mktemp("shots")) / "run-form"
    shots.mkdir(parents=True, exist_ok=True)
    make(operator, "up")
    server = find_server(operator.home)
    assert server is not None
    operator.run("deploy")
    operator.run("ingest", "sample")
    operator.run("score")
    context = browser.new_context(viewport=LAPTOP)
    yield Site(operator, server.url, context.new_page(), shots)
    context.close()
    make(operator, "down")


@pytest.fixture(scope="module")
def counts(site: Site) -> dict[str, int]:
    """What a selection at 6 must count."""
    said = site.person.run("select", "--threshold", "6", "--preview", "--json").stdout
    return json.loads(said)["counts"]


@pytest.mark.parametrize("deployment", [ON_DEMAND, "score-dialogues/nightly", "efficient-empathy/full"])
def test_every_field_of_a_form_is_titled_and_explained(site: Site, deployment: str) -> None:
    site.open_form(deployment)
    fields = site.page.locator(".schema-form-property").all()
    assert len(fields) > 5
    site.shoot(f"form-{deployment.replace('/', '-')}")
    for field in fields:
        title = field.locator(".schema-form-property__label").first.inner_text().removesuffix("(Optional)").strip()
        said = field.locator(".schema-form-property__description").first.inner_text()
        assert title
        assert said.endswith("."), title
        assert "_" not in title or title == "max_minutes"


def test_the_bounds_of_a_threshold_can_be_read_and_what_may_stay_empty_is_a_box(site: Site) -> None:
    site.open_form(ON_DEMAND)
    body = site.page.inner_text("body")
    assert body.count("At least 0, at most 10.") == 3
    labels = site.page.locator(".schema-form-property__label").all_inner_texts()
    assert labels[1:4] == [
        f"{title} (Optional)" for title in ("Rule", "Sensibility threshold", "Rationality threshold")
    ]
    boxes = site.page.locator("input[type=number]").all()
    assert [box.input_value() for box in boxes] == ["5", "5", *[""] * (len(boxes) - 2)]
    assert body.count('Property is type "None"') == 2, "only of dialogues and scores, which are no numbers"


def test_a_form_with_other_thresholds_makes_a_run_whose_page_has_the_counts(site: Site, counts: dict) -> None:
    before = site.list_runs()
    site.open_form(ON_DEMAND)
    for title in ("Sensibility threshold", "Rationality threshold"):
        site.fill(title, 6)
    site.submit()
    deadline = time.monotonic() + RUN_S
    while not (new := site.list_runs().items() - before.items()) or {state for _, state in new} != {"COMPLETED"}:
        assert time.monotonic() < deadline, new
        time.sleep(0.5)
    ((run_id, _),) = new
    site.open(f"runs/flow-run/{run_id}", "text=select paper S>6 R>6")
    site.page.get_by_role("button", name="Artifacts").or_(site.page.get_by_text("Artifacts", exact=True)).first.click()
    site.page.get_by_text("selection-shares", exact=True).first.wait_for()
    site.shoot("run")
    artifacts = site.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [run_id]}})
    page = next(artifact["id"] for artifact in artifacts if artifact["key"] == "selection")
    site.open(f"artifacts/artifact/{page}", "text=share of the scored")
    site.shoot("artifact")
    cells = [row.split("\t") for row in site.page.locator("tr").all_inner_texts()]
    found = {row[0]: int(row[1]) for row in cells if row[0] in counts}
    assert found == {name: n for name, n in counts.items() if name in found}
    assert found.keys() >= {"sensibility", "rationality", "discard"}


def test_a_threshold_out_of_bounds_is_refused_by_its_name_and_no_run_is_made(site: Site) -> None:
    before = site.list_runs()
    site.open_form(ON_DEMAND)
    site.fill("Sensibility threshold", 11)
    site.submit()
    refusal = site.page.get_by_text("selection.sensibility_threshold").first
    refusal.wait_for()
    assert "11 is greater than the maximum of 10" in refusal.inner_text()
    site.page.screenshot(path=site.shots / "refused.png")
    assert site.list_runs() == before


def deploy_run(site: Site, threshold: float) -> subprocess.CompletedProcess[str]:
    """Run the deployment by Prefect's command line, and wait for its end."""
    selection = json.dumps({"sensibility_threshold": threshold, "rationality_threshold": 6})
    command = [sys.executable, "-m", "prefect", "deployment", "run", ON_DEMAND, "--param", f"selection={selection}",
               "--watch", "--watch-timeout", "300"]  # fmt: skip
    return subprocess.run(
        command, env={**site.person.environment, "PREFECT_API_URL": f"{site.url}/api"},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


def test_the_same_run_by_the_command_line_ends_in_zero_and_a_wrong_one_in_one(site: Site) -> None:
    done = deploy_run(site, 6)
    assert done.returncode == 0, done.stdout + done.stderr
    refused = deploy_run(site, 11)
    assert refused.returncode == 1
    assert "selection.sensibility_threshold" in refused.stdout + refused.stderr


def test_making_down_leaves_no_process_of_the_home(site: Site) -> None:
    assert list_left(site.person), "the server and its worker name it"
    make(site.person, "down")
    assert list_left(site.person) == []
