"""The package as a whole: floors, start-up, lock file, wheel, linter and types, and a round of the benchmarks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

FLOORS = (
    {"cases"},
    {"formulations", "solving", "operating"},
    {"harness"},
    {"api", "__init__"},
)
"""From the ground up; under the roof the public names."""

ROOTS = [ROOT / root for root in PROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"]]
MODULES = {path.relative_to(root).as_posix(): path for root in ROOTS for path in (root / "desilo").rglob("*.py")}
"""Path from `desilo` on, and file."""


def run(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def floor(part: str) -> int:
    return next(height for height, names in enumerate(FLOORS) if part.removesuffix(".py") in names)


def test_imports_run_downwards():
    upwards = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                if module.startswith("desilo.") and floor(module.split(".")[1]) > floor(name.split("/")[1]):
                    upwards.append(f"{name}: {module}")
    assert len(MODULES) > 20
    assert upwards == []


def test_the_checker_knows_no_formulation():
    """Nor anything else of the first floor, neither itself nor what it imports."""
    code = "import sys, desilo.harness.check; print([m for m in sys.modules if m.startswith(('desilo.', 'pyomo'))])"
    loaded = ast.literal_eval(run("-c", code))
    assert "desilo.harness.check" in loaded
    assert [name for name in loaded if name.split(".")[1] in FLOORS[1] or name.startswith("pyomo")] == []


def test_help_answers_without_loading_what_commands_work_with():
    code = "import sys; from desilo.harness.cli import application; application(); print(list(sys.modules))"
    loaded = ast.literal_eval(run("-c", code))
    assert "typer" in loaded
    assert {"pyomo", "highspy", "numpy", "pandas", "scipy", "matplotlib", "pandera", "pyarrow"} & set(loaded) == set()


LOCK_FILES = {"constraints.txt": [], "tests/constraints.txt": ["dev"]}
"""Lock files, and the extras that each has beside what desilo needs to run."""


def locked(file: str) -> dict[str, set[str]]:
    """Versions of each package in a lock file; several where they depend on the Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / file).read_text(), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def asked(extras: list[str]) -> list[Requirement]:
    """What the project asks for, with extras and what they include."""
    project = PROJECT["project"]
    found = [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    for extra in extras:
        found += project["optional-dependencies"][extra]
    requirements = [*map(Requirement, found)]
    included = sorted({name for each in requirements if each.name == "desilo" for name in each.extras} - {*extras})
    return asked([*extras, *included]) if included else [each for each in requirements if each.name != "desilo"]


@pytest.mark.parametrize("file", LOCK_FILES)
def test_lock_file_pins_by_hash_and_names_no_host(file):
    text = (ROOT / file).read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 40
    assert [entry for entry in entries if not re.match(r"[\w.-]+==[^\n]+\\\n +--hash=sha256:[0-9a-f]{64}", entry)] == []
    assert "//" not in text
    assert "#" not in text


@pytest.mark.parametrize(("file", "extras"), LOCK_FILES.items())
def test_lock_file_has_all_that_is_asked_for(file, extras):
    versions = locked(file)
    for requirement in asked(extras):
        assert any(map(requirement.specifier.contains, versions[canonicalize_name(requirement.name)])), requirement


def test_lock_files_agree():
    small, large = map(locked, LOCK_FILES)
    assert {name for name, versions in small.items() if not versions <= large[name]} == set()


def test_wheel_holds_every_module_and_table_once(tmp_path):
    run("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    assert {name.split("/")[0] for name in names} == {"desilo", f"desilo-{PROJECT['project']['version']}.dist-info"}
    assert {name for name in names if name.endswith(".py")} == set(MODULES)
    assert names.count("desilo/py.typed") == 1
    bundled = "desilo/cases/bundled"
    for case in ("orange-juice", "tuna"):
        files = {"case.toml", "assumptions.toml", "items.csv", "sales.csv", "PROVENANCE.md", "SHA256SUMS"}
        assert {f"{bundled}/{case}/{file}" for file in files} <= set(names)


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)],
    ids=["lint", "format", "types"],
)
def test_code_is_clean(command):
    run("-m", *command)


def test_every_benchmark_runs_once_untimed():
    printed = run("-m", "pytest", "benchmarks", "--benchmark-disable", "-q", "-p", "no:cacheprovider")
    assert re.search(r"\d+ passed", printed)
    assert "failed" not in printed
