"""Whatever is done to the files of a valid folder: it is still read, or `BadInput` says why not."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import fuzz, read_or_refused, spoilt
from small_folders import write, write_case

from desilo.cases.generate import FAMILIES, Dials, features_with_plan, generate
from desilo.cases.opening import read_case
from desilo.cases.plan import read_plan, write_plan
from desilo.cases.reading import read_instance
from desilo.cases.writing import write_instance

MADE = Path(tempfile.mkdtemp())
FOLDERS = [write(MADE / "tiny", {})]
for table_format in ("csv", "parquet"):
    FOLDERS.append(MADE / table_format)
    write_instance(generate("features", "S", 4), FOLDERS[-1], table_format)
CASE = write_case(MADE / "case")
INSTANCE, PLAN = features_with_plan(FAMILIES["features"].sizes["M"], np.random.default_rng(3), Dials())
write_plan(INSTANCE, PLAN, MADE / "plan.json")
SOLUTION = (MADE / "plan.json").read_bytes()


@pytest.fixture(scope="module", autouse=True)
def _tidy() -> Any:
    yield
    shutil.rmtree(MADE)


@st.composite
def spoilt_folder(draw: st.DrawFn, folders: list[Path]) -> dict[str, bytes]:
    """The files of a valid folder of which one or two have come to harm."""
    files = {path.name: path.read_bytes() for path in sorted(draw(st.sampled_from(folders)).iterdir())}
    for name in draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=2)):
        files[name] = draw(spoilt(files[name]))
    return files


def written(files: dict[str, bytes], folder: str) -> Path:
    for name, data in files.items():
        Path(folder, name).write_bytes(data)
    return Path(folder)


@fuzz
@given(spoilt_folder(FOLDERS))
def test_an_instance(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read_or_refused(lambda: read_instance(written(files, folder)))


@fuzz
@given(spoilt_folder([CASE]))
def test_a_case(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read_or_refused(lambda: read_case(written(files, folder)))


@fuzz
@given(spoilt(SOLUTION))
def test_a_solution(solution: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read_or_refused(lambda: read_plan(INSTANCE, written({"plan.json": solution}, folder) / "plan.json"))


@pytest.mark.parametrize(
    ("folder", "read"), [(FOLDERS[0], read_instance), (FOLDERS[2], read_instance), (CASE, read_case)]
)
def test_most_mishaps_are_noticed(folder: Path, read: Any, tmp_path: Path) -> None:
    """That the mutations bite: a file cut in half is none."""
    for path in sorted(folder.iterdir()):
        files = {each.name: each.read_bytes() for each in folder.iterdir()}
        files[path.name] = files[path.name][: len(files[path.name]) // 2]
        place = tmp_path / path.name
        place.mkdir()
        assert not read_or_refused(lambda files=files, place=place: read(written(files, str(place))))
