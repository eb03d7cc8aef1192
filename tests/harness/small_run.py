"""A case and settings so small that a whole run takes seconds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from desilo.cases.opening import BUNDLED
from desilo.harness.experiment import QUICK, Settings
from desilo.harness.records import CellRecord

PRODUCTS = ("tropicana-premium-64", "minute-maid-64")


def write_small_case(folder: Path, zones: tuple[str, ...] = ("mid",)) -> Path:
    """Two products of the orange-juice case in some of its price zones; every zone is a team."""
    source = BUNDLED / "orange-juice"
    folder.mkdir(parents=True)
    for name in ("case.toml", "assumptions.toml"):
        shutil.copy(source / name, folder / name)
    items = pd.read_csv(source / "items.csv")
    items = items[items["zone"].isin(zones) & items["product"].isin(PRODUCTS)]
    assert len(items) == len(PRODUCTS) * len(zones)
    items.to_csv(folder / "items.csv", index=False)
    sales = pd.read_csv(source / "sales.csv")
    sales[sales["item"].isin(items["item"])].to_csv(folder / "sales.csv", index=False)
    header = folder / "case.toml"
    header.write_text(header.read_text().replace('zones = ["low", "mid", "high"]', f"zones = {json.dumps(zones)}"))
    return folder


def small_settings(case: Path, **changes: Any) -> Settings:
    """One job, two starts, two levels of tightness."""
    small = replace(
        QUICK,
        case=str(case),
        seed=3,
        time_limit=120.0,
        jobs=1,
        horizon=2,
        scenarios=2,
        ladder_levels=3,
        starts=2,
        tightness=(0.5, 1.0),
        nature_scenarios=20,
        clairvoyant_scenarios=2,
        gap=1e-6,
        joint_gap=1e-6,
    )
    return replace(small, **changes)


class Ear:
    """Remembers what a run says."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.worked_out: list[CellRecord] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def begin(self, total: int, done: int) -> None:
        self.total, self.on_record = total, done

    def finished(self, record: CellRecord) -> None:
        self.worked_out.append(record)
