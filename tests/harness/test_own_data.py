"""From a sales export to a summary, by the same path as `desilo import` and `desilo run`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_run import Ear, small_settings

from desilo.harness.cli import Exit, main
from desilo.harness.experiment import JOINT
from desilo.harness.report import summarise
from desilo.harness.run import run
from desilo.harness.words import to_markdown


def till(products: int, seed: int = 1, weeks: int = 60) -> pd.DataFrame:
    """A row a sale; the first of several products never changes its price."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2022-01-03", periods=7 * weeks)
    rows = []
    for k in range(products):
        cut = np.repeat(rng.random(weeks) < 0.25, 7) & (products == 1 or k > 0)
        price = np.where(cut, 1.6, 2.0)
        sold = rng.poisson(8 * (price / 2) ** -2.5)
        rows.append(pd.DataFrame({"day": days, "product": f"p{k}", "qty": sold, "price": price, "cost": 1.2}))
    table = pd.concat(rows)
    return table[table["qty"] > 0].sort_values("day")


@pytest.mark.parametrize("products", [1, 2])
def test_an_export_of_a_till_becomes_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], products: int
) -> None:
    till(products).to_csv(tmp_path / "till.csv", index=False)
    monkeypatch.setattr(sys, "argv", ["desilo", "import", str(tmp_path / "till.csv"), "--out", str(tmp_path / "shop")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or Exit.OK) == Exit.OK
    capsys.readouterr()
    settings = small_settings(tmp_path / "shop", starts=1, tightness=(1.0,), joint_gap=0.01)
    finished = run(settings, tmp_path / "run", Ear())
    assert finished.complete
    page = to_markdown(summarise(finished))
    assert JOINT in page
    assert all(figure.assumed and figure.reason in page for figure in finished.record.assumptions)
    left = ("p0",) if products > 1 else ()
    assert finished.record.prices_left == left
    assert ("left at their price, which moved too seldom to learn from: p0" in page) == bool(left)
