"""Real claims through the command line, on firms so small that they are decided in no time."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest

from desilo.harness.claims import catalogue
from desilo.harness.claims.conduct import load
from desilo.harness.claims.experiment import Scale
from desilo.harness.claims.experiments import repair, wirings
from desilo.harness.claims.world import Dials
from desilo.harness.cli import Exit, main

SMALL = Dials(items=3, periods=2, scenarios=2)


@pytest.fixture(autouse=True)
def small_firms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "QUICK", Scale("quick", seed=1, worlds=2, windows=1, firms=4))
    monkeypatch.setattr(wirings, "Dials", partial(Dials, items=3, periods=2, scenarios=2))
    monkeypatch.setattr(repair, "FIRM", SMALL)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["desilo", "claims", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_claims_on_small_firms_and_again_from_their_records(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ("A9", "A10", "B4", "--quick", "--jobs", "1", "--json", "--out", str(tmp_path / "run"))
    assert command(monkeypatch, *asked) == Exit.OK
    first = capfd.readouterr()
    printed = json.loads(first.out)
    assert [each["id"] for each in printed] == ["A9", "A10", "B4"]
    assert all(isinstance(each["estimate"], float) and each["control_passed"] is not None for each in printed)
    tables = load(tmp_path / "run").tables
    assert set(tables) == {"wirings", "repair"} and (tables["wirings"]["joint: profit"] > 0).all()
    assert command(monkeypatch, *asked) == Exit.OK
    again = capfd.readouterr()
    assert again.out == first.out
    total = len(tables["wirings"]) + len(tables["repair"])
    assert f"{total} trials, of which {total} are on record" in again.err


def test_in_a_null_world_nothing_about_coupling_is_reproduced(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = str(tmp_path / "run")
    asked = ("A9", "A10", "B4", "--quick", "--jobs", "1", "--json", "--coupling", "0", "--out", out)
    assert command(monkeypatch, *asked) == Exit.OK
    printed = json.loads(capfd.readouterr().out)
    assert {each["verdict"] for each in printed} == {"not reproduced"}
    assert all(each["control_passed"] for each in printed)
