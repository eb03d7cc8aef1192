"""Whatever is done to the files of a valid folder: it is still an instance, or `BadInput` says why not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from desilo.cases.errors import BadInput
from desilo.cases.generate import FAMILIES, Dials, features_with_plan, generate
from desilo.cases.plan import read_plan, write_plan
from desilo.cases.reading import read_instance
from desilo.cases.writing import write_instance

CELLS = [
    *("", " ", "0", "1", "-1", "2", "0.5", "1e400", "-0", "nan", "inf", "1e15", "1e300", "é", "all", "item-0001"),
    *("price", "9" * 400, '"', '"a,b"', "a\nb", "\t", "\0", "\ufeff", "1,000", "=1+1", "None", "٣", "0x10"),
]


def a_byte(data: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data)))
    return data[:at] + bytes([rng.integers(256)]) + data[at + 1 :]


def a_cut(data: bytes, rng: np.random.Generator) -> bytes:
    start, end = sorted(int(n) for n in rng.integers(len(data) + 1, size=2))
    return data[:start] + data[end:] if rng.random() < 0.5 else data[:end]


def a_cell(data: bytes, rng: np.random.Generator) -> bytes:
    parts = re.split(rb"([,\n=])", data)
    parts[2 * int(rng.integers((len(parts) + 1) // 2))] = CELLS[rng.integers(len(CELLS))].encode()
    return b"".join(parts)


def a_line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    at, other = (int(n) for n in rng.integers(len(lines), size=2))
    if rng.random() < 0.5:
        lines.insert(at, lines[other])
    else:
        del lines[at]
    return b"\n".join(lines)


def a_file(data: bytes, rng: np.random.Generator) -> bytes:
    return bytes(rng.integers(0, 256, 200, dtype=np.uint8)) if rng.random() < 0.5 else b""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    made = []
    for seed in (1, 4, 11):
        for table_format in ("csv", "parquet"):
            made.append(tmp_path_factory.mktemp("valid") / "x")
            write_instance(generate("features", "S", seed), made[-1], table_format)
    return made


@pytest.mark.parametrize("mutate", [a_byte, a_cut, a_cell, a_line, a_file])
def test_mutations_never_raise_anything_else(
    tmp_path: Path, folders: list[Path], mutate: Callable[[bytes, np.random.Generator], bytes]
) -> None:
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(25):
        folder = tmp_path / "x"
        shutil.copytree(folders[rng.integers(len(folders))], folder)
        files = sorted(folder.iterdir())
        for _ in range(rng.integers(1, 4)):
            path = files[rng.integers(len(files))]
            path.write_bytes(mutate(path.read_bytes() or b"\n", rng))
        try:
            read_instance(folder)
        except BadInput as bad:
            refused += 1
            assert len(bad.problems) < 60
            assert all(problem.message and len(str(problem)) < 2000 for problem in bad.problems)
        shutil.rmtree(folder)
    assert refused > 8


@pytest.mark.parametrize("mutate", [a_byte, a_cut, a_cell, a_line, a_file])
def test_mutated_solution_files_never_raise_anything_else(
    tmp_path: Path, mutate: Callable[[bytes, np.random.Generator], bytes]
) -> None:
    rng = np.random.default_rng(3)
    instance, plan = features_with_plan(FAMILIES["features"].sizes["M"], rng, Dials())
    write_plan(instance, plan, tmp_path / "plan.json")
    valid = (tmp_path / "plan.json").read_bytes()
    refused = 0
    for _ in range(100):
        (tmp_path / "plan.json").write_bytes(mutate(valid, rng))
        try:
            read_plan(instance, tmp_path / "plan.json")
        except BadInput as bad:
            refused += 1
            assert len(bad.problems) < 20
    assert refused > 20
