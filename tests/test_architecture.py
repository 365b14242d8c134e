"""The shape of the project, enforced: which way imports point, how long files and functions are, where torch may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
STAGES = (
    "dialogues", "scoring", "judges", "selection", "experts", "router", "evaluation", "serving", "reporting",
)  # fmt: skip
GROUND = ("tasks.schema", "tasks.bounded", "tasks.errors", "tasks.progress")
SHARED = (
    "tasks.store",
    "tasks.manifest",
    "tasks.remote",
    "tasks.artifacts",
    "tasks.home",
    "tasks.chat",
    "tasks.config",
    "tasks.judge_config",
    "tasks.selection_config",
    "tasks.settings",
)
HEAVY = ("torch", "transformers", "peft", "trl", "accelerate", "datasets")
HEAVY_STAGES = ("experts", "router", "evaluation", "serving")
MAX_FILE_LINES, MAX_FUNCTION_LINES = 250, 40


class Import(NamedTuple):
    """One import of a module of ours or of a library, and whether it runs when the module is imported."""

    importer: str
    imported: str
    is_at_import: bool


def list_modules(root: Path) -> dict[str, Path]:
    """Return the modules under flows/ and tasks/ by their dotted names."""
    found = {}
    for top in ("flows", "tasks"):
        for path in sorted((root / top).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def list_imports(modules: dict[str, Path]) -> Iterator[Import]:
    """Yield every import statement, `if TYPE_CHECKING:` ones aside."""
    for name, path in modules.items():
        yield from walk(ast.parse(path.read_text(encoding="utf-8")), name, modules, is_at_import=True)


def walk(node: ast.AST, name: str, modules: dict[str, Path], *, is_at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (Import(name, alias.name, is_at_import) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{name}: a relative import hides which way it points"
            base = child.module or ""
            for alias in child.names:
                full = f"{base}.{alias.name}"
                yield Import(name, full if full in modules else base, is_at_import)
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from walk(child, name, modules, is_at_import=is_at_import and not inside)


def stage_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "tasks" and parts[1] in STAGES else ""


def judge_import(link: Import) -> str:
    """Return why an import goes the wrong way, or nothing."""
    importer, imported, _ = link
    top = imported.split(".")[0]
    from_stage, to_stage = stage_of(importer), stage_of(imported)
    is_adapter = importer.startswith("flows") or importer == f"tasks.{from_stage}.tasks"
    if top == "prefect" and not is_adapter:
        return "only a stage's tasks.py and the flows know Prefect"
    if top in HEAVY and from_stage not in HEAVY_STAGES:
        return f"{top} is for {', '.join(HEAVY_STAGES)} only"
    if top == "flows" and not importer.startswith("flows"):
        return "tasks never import flows"
    if top != "tasks" or importer.startswith("flows"):
        return ""
    if not from_stage:
        allowed = GROUND if importer in GROUND else (*GROUND, *SHARED)
        return "" if imported in allowed else "what all stages share imports no stage"
    if imported.endswith(".tasks") and not importer.endswith(".tasks"):
        return "the domain does not know its Prefect tasks"
    if to_stage and STAGES.index(to_stage) > STAGES.index(from_stage):
        return f"{from_stage} stands left of {to_stage}"
    if to_stage and to_stage != from_stage and imported != f"tasks.{to_stage}":
        return f"only the public names of {to_stage} may be used from outside"
    return ""


def find_wrong_imports(root: Path) -> list[str]:
    found = ((link, judge_import(link)) for link in list_imports(list_modules(root)))
    return [f"{link.importer} imports {link.imported}: {why}" for link, why in found if why]


def test_every_import_points_the_right_way() -> None:
    assert find_wrong_imports(ROOT) == []


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("tasks/dialogues/csv.py", "from tasks.scoring import parse_reply"),
        ("tasks/selection/rules.py", "from tasks.scoring.parsing import parse_reply"),
        ("tasks/scoring/run.py", "import prefect"),
        ("tasks/scoring/run.py", "def f():\n    import torch"),
        ("tasks/schema.py", "from tasks.config import ExperimentConfig"),
        ("tasks/store.py", "from tasks.scoring import parse_reply"),
        ("tasks/scoring/run.py", "from tasks.scoring.tasks import score_chunk"),
        ("tasks/scoring/run.py", "from flows.server import find_server"),
    ],
)
def test_an_import_that_goes_the_wrong_way_is_found(tmp_path: Path, module: str, statement: str) -> None:
    for name in ("scoring", "dialogues", "selection", "experts"):
        (tmp_path / "tasks" / name).mkdir(parents=True)
        (tmp_path / "tasks" / name / "__init__.py").touch()
    for name in ("tasks/scoring/parsing.py", "tasks/scoring/tasks.py", "tasks/config.py"):
        (tmp_path / name).touch()
    (tmp_path / module).write_text(statement, encoding="utf-8")
    assert len(find_wrong_imports(tmp_path)) == 1


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    modules = list_modules(ROOT)
    links: dict[str, set[str]] = {name: set() for name in modules}
    for link in list_imports(modules):
        if link.is_at_import and link.imported in modules and link.imported != link.importer:
            links[link.importer].add(link.imported)
    while free := {name for name, needed in links.items() if not needed & links.keys()}:
        links = {name: needed for name, needed in links.items() if name not in free}
    # a package's __init__ re-exports its modules, which import nothing of it: whatever is left is a circle
    assert links == {}


def find_heavy_doors(root: Path) -> list[str]:
    """Return the public doors (flows, stages, their tasks) through which an import reaches torch and its kin.

    A module of torch classes imports torch at its top; so nothing may import that module at its own top.
    """
    modules = list_modules(root)
    links: dict[str, set[str]] = {name: set() for name in modules}
    for link in list_imports(modules):
        if link.is_at_import:
            links[link.importer].add(link.imported)
            if link.imported in modules:  # importing a module imports its packages
                parts = link.imported.split(".")
                links[link.importer] |= {".".join(parts[:n]) for n in range(1, len(parts))} & modules.keys()
    doors = [name for name, path in modules.items() if path.name in ("__init__.py", "tasks.py", "__main__.py")]
    doors += [name for name in modules if name.startswith("flows.")]
    return sorted({door for door in doors if reaches_heavy(door, links)})


def reaches_heavy(door: str, links: dict[str, set[str]]) -> bool:
    seen, waiting = set(), [door]
    while waiting:
        name = waiting.pop()
        if name.split(".")[0] in HEAVY:
            return True
        if name not in seen:
            seen.add(name)
            waiting += links.get(name, ())
    return False


def test_torch_is_not_imported_by_flows_and_stages_before_it_is_needed() -> None:
    assert find_heavy_doors(ROOT) == []


def test_a_door_that_imports_torch_by_way_of_another_module_is_found(tmp_path: Path) -> None:
    (tmp_path / "tasks" / "router").mkdir(parents=True)
    (tmp_path / "tasks" / "router" / "mlp.py").write_text("import torch", encoding="utf-8")
    (tmp_path / "tasks" / "router" / "__init__.py").write_text("from tasks.router.mlp import x", encoding="utf-8")
    assert find_heavy_doors(tmp_path) == ["tasks.router"]


def count_net_lines(source: list[str], first: int, last: int) -> int:
    return sum(1 for line in source[first - 1 : last] if line.strip() and not line.strip().startswith("#"))


def test_no_file_and_no_function_is_too_long() -> None:
    too_long = []
    for path in [*list_modules(ROOT).values(), *sorted((ROOT / "tests").rglob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if count_net_lines(lines, 1, len(lines)) > MAX_FILE_LINES:
            too_long.append(f"{path.relative_to(ROOT)}: {count_net_lines(lines, 1, len(lines))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                n = count_net_lines(lines, body[0].lineno, node.end_lineno or 0)
                if n > MAX_FUNCTION_LINES:
                    too_long.append(f"{path.relative_to(ROOT)}: {node.name} has {n} lines")
    assert too_long == []


def test_no_package_of_tests_shadows_one_of_ours() -> None:
    assert [str(path) for path in (ROOT / "tests").rglob("__init__.py")] == []


def test_help_answers_without_prefect_and_torch() -> None:
    program = (
        "import sys, flows.__main__ as m; sys.argv = ['empathy', '--help']; code = m.run_app()[1]; "
        "heavy = {'prefect', 'torch', 'transformers', 'duckdb', 'polars'} & set(sys.modules); "
        "print(heavy or 'light', code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines()[-1] == "light 0"
