"""Records: nothing is lost on the way to a file and back, and no file is ever half there."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.harness.experiment import MODELS
from desilo.harness.records import (
    Assumption,
    Cell,
    Promise,
    StepRecord,
    read_record,
    sweep,
    write_record,
    write_text,
)
from desilo.solving import Options, Outcome, Seconds, Size, Stop

FIGURES = st.floats(allow_nan=True, allow_infinity=True)


@given(profit=FIGURES, feasible=st.booleans(), violations=st.lists(st.text(), max_size=3))
@settings(max_examples=40, deadline=None)
def test_a_record_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, profit: float, feasible: bool, violations: list[str]
) -> None:
    path = tmp_path_factory.mktemp("records") / "promise.json"
    record = Promise(profit=profit, feasible=feasible, violations=tuple(violations))
    write_record(record, path)
    assert read_record(Promise, path) == record
    assert record.profit == (profit if math.isfinite(profit) else None)
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)  # no NaN, no Infinity


def test_a_step_keeps_all_that_the_solver_says() -> None:
    outcome = Outcome(
        stop=Stop.TIME_LIMIT,
        feasible=True,
        objective=12.5,
        bound=math.inf,
        sense=-1,
        simplex_iterations=3,
        ipm_iterations=0,
        nodes=7,
        seconds=Seconds(0.1, 0.2, 0.3, 0.4),
        size=Size(1, 2, 3, 4),
        solver="HiGHS",
        options=Options(time_limit=2.0),
    )
    step = StepRecord.model_validate({"function": "joint", **outcome.as_dict()})
    assert (step.stop, step.objective, step.bound, step.gap) == (Stop.TIME_LIMIT, 12.5, None, None)
    assert step.seconds == {"build": 0.1, "translate": 0.2, "load": 0.3, "solve": 0.4}
    assert step.size == {"rows": 1, "columns": 2, "integers": 3, "nonzeros": 4}
    assert step.options["log"] is False and step.options["time_limit"] == 2.0
    assert StepRecord.model_validate_json(step.model_dump_json()) == step


def test_no_two_cells_share_a_file() -> None:
    cells = [
        Cell(start=start, tightness=tightness, model=model)
        for start in (1, 11)
        for tightness in (1.0, 1.1, 0.1)
        for model in MODELS
    ]
    assert len({cell.slug for cell in cells}) == len(cells)
    assert all(set(cell.slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789.+-") for cell in cells)


def test_a_record_of_another_version_or_with_other_fields_is_refused(tmp_path: Path) -> None:
    figure = Assumption(name="lead_time", value=1, unit="weeks", reason="known", assumed=False)
    text = figure.model_dump_json()
    with pytest.raises(ValueError, match="extra"):
        Assumption.model_validate_json(text.replace("}", ', "more": 1}'))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_text("old", path)
    with pytest.raises(UnicodeEncodeError):
        write_text("new \ud800", path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_half_written_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    kept = tmp_path / "records" / "cell.json"
    kept.write_text("{}")
    (tmp_path / "records" / ".writing-abc.json").write_text('{"half')
    (tmp_path / ".writing-waterfall.png").write_bytes(b"half")
    sweep(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]
