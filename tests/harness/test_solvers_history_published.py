"""The published history is what its records say."""

from __future__ import annotations

import shutil
from pathlib import Path

from desilo.harness.solvers.tracking.history import BENCHES, Status, read_history, series_of
from desilo.harness.solvers.tracking.page import write_page

PUBLISHED = Path(__file__).parents[2] / "results" / "solver" / "history"


def test_page_and_lines_are_worked_out_from_the_records(tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED / BENCHES, tmp_path / BENCHES)
    write_page(read_history(tmp_path), tmp_path)
    for name in ("README.md", "history.jsonl"):
        assert (tmp_path / name).read_text() == (PUBLISHED / name).read_text()


def test_versions_and_the_one_that_is_caught() -> None:
    found = {series.package: series for series in series_of(read_history(PUBLISHED))}
    assert len(found["highspy"].benches) >= 4 and len(found["pyomo"].benches) >= 3
    caught = [bench for bench in found["highspy"].benches if bench.record.status is Status.FAILED_GATE]
    assert [bench.versions["highspy"] for bench in caught] == ["1.14.0"] and caught[0].record.gate["wrong"] > 0
