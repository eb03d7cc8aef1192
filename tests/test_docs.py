"""What the documents say is so.

A fenced block marked `console` is executed: lines after `$` are commands, the others what they print. Figures may
differ, their places may not; `...` stands for anything. A block marked `sh` is shown, not executed. The export of the
examples is the tuna case's table of sales.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from pathlib import Path

import pytest

from desilo.cases.opening import BUNDLED
from desilo.harness.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *(page for floor in ("models", "benchmarks", "datasets") for page in (ROOT / floor).glob("*.md")),
]
FORMULATIONS = ROOT / "models" / "desilo" / "formulations"
COORDINATION = ROOT / "models" / "desilo" / "operating" / "coordination"


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def examples(block: str) -> list[tuple[str, str]]:
    """(command, what it prints) of each prompt."""
    return [tuple(part.split("\n", 1)) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def shape(text: str) -> str:
    """Without figures, digests and the widths they make."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "#", text)
    text = re.sub(r"\d(?:[\d,]*\d)?(?:\.\d+)?", "#", text)
    text = re.sub(r"─+", "─", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def looks_like(printed: str, expected: str) -> bool:
    pattern = re.escape(shape(expected)).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, shape(printed), re.DOTALL) is not None


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=name)
def test_console_examples_print_what_the_page_shows(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copy(BUNDLED / "tuna" / "sales.csv", tmp_path)
    for block in blocks(page, "console"):
        for command, expected in examples(block):
            monkeypatch.setattr("sys.argv", shlex.split(command))
            with pytest.raises(SystemExit):
                main()
            printed = "".join(capsys.readouterr())
            assert looks_like(printed, expected), f"{command}\nprints\n{printed}\nthe page shows\n{expected}"


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        ("profit 1,234.50 USD", "profit 9.75 USD", True),
        ("profit 12", "loss 12", False),
        ("a\nb\nc\nd", "a\n...\nd", True),
        ("a\nb\nc", "a\n...\nd", False),
        ("5 rows", "5 rows, 6 columns", False),
    ],
)
def test_shapes_are_told_apart(printed, expected, same):
    assert looks_like(printed, expected) is same


def test_two_set_up_and_go_commands_and_ci_runs_the_second():
    run, test = (block.strip() for block in blocks(ROOT / "README.md", "sh"))
    assert "\n" not in run + test
    assert run.endswith("desilo run")
    assert "pytest" in test
    assert (ROOT / ".ci" / "run").read_text().rstrip().splitlines()[-1] == test


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if not link.startswith("https://") and not (page.parent / link).exists()]
    assert broken == []


def equations(text: str) -> dict[str, str]:
    """The formula that stands after each number at the start of a line; what stands far to its right is a remark."""
    found = re.findall(r"^ +\(([A-Z]\d*)\) +(\S.*?)(?: {3,}.*)?$", text, re.MULTILINE)
    return {number: " ".join(formula.split()) for number, formula in found}


def test_the_mathematics_are_those_of_the_code():
    page = (ROOT / "models" / "README.md").read_text(encoding="utf-8")
    code = [path.read_text(encoding="utf-8") for path in FORMULATIONS.glob("*.py")]
    docstrings = "\n".join(ast.get_docstring(ast.parse(text), clean=False) or "" for text in code)
    stated = equations(docstrings)
    assert len(stated) > 20
    assert {number: equations(page).get(number) for number in stated} == stated


def test_the_mathematics_of_coordination_are_those_of_the_code():
    page = (ROOT / "models" / "coordination.md").read_text(encoding="utf-8")
    code = [path.read_text(encoding="utf-8") for path in COORDINATION.glob("*.py")]
    stated = equations("\n".join(ast.get_docstring(ast.parse(text), clean=False) or "" for text in code))
    assert set(stated) == {"T1", "M1", "M2", "M3", "M4", "M5"}
    assert equations(page) == stated


def test_every_row_in_the_code_has_its_number_on_the_page():
    page = (ROOT / "models" / "README.md").read_text(encoding="utf-8")
    built = {
        number
        for path in FORMULATIONS.glob("*.py")
        for number in re.findall(r"(?:def |m\.)([A-Z]\d+)_\w+", path.read_text(encoding="utf-8"))
    }
    assert {"P1", "D1", "I8", "R3", "S1", "E0"} <= built
    assert built == set(re.findall(r"^ +\(([A-Z]\d+)\) ", page, re.MULTILINE))
