"""The report: its figures once more from the records, its page against its JSON, its words, its plots."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from small_run import Ear, small_settings, write_small_case

import desilo
from desilo.harness.cli import Exit, main
from desilo.harness.experiment import CLAIRVOYANT, COORDINATED, HANDED_ON, JOINT, SEQUENTIAL
from desilo.harness.records import CellRecord
from desilo.harness.report import BEST_SEQUENTIAL, TABLE, Summary, summarise
from desilo.harness.run import Finished, run
from desilo.harness.words import find, finding, sentences, to_markdown

STARTS = (131, 159)
FUNCTIONS = ("pricing", "demand", "inventory")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report")
    case = write_small_case(place / "small", zones=("low", "mid"))
    run(small_settings(case, middle_zone=False), place / "run", Ear())
    return place / "run"


@pytest.fixture(scope="module")
def finished(folder: Path) -> Finished:
    from desilo.harness.run import load

    return load(folder)


@pytest.fixture(scope="module")
def summary(finished: Finished) -> Summary:
    return summarise(finished)


@pytest.fixture(scope="module")
def raw(folder: Path) -> dict[tuple[str, int, float], Any]:
    """The records as plain JSON."""
    found = [json.loads(path.read_text()) for path in (folder / "records").glob("[0-9]*.json")]
    return {(r["cell"]["model"], r["cell"]["start"], r["cell"]["tightness"]): r for r in found}


def shown(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], folder: Path, columns: int) -> str:
    monkeypatch.setattr(sys, "argv", ["desilo", "report", str(folder)])
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as ended:
        main()
    assert int(ended.value.code or 0) == Exit.OK
    return capfd.readouterr().out


def profit(raw: dict[tuple[str, int, float], Any], model: str, start: int, tightness: float = 1.0) -> float:
    return float(raw[model, start, tightness]["nature"]["profit"])


def best_order(raw: dict[tuple[str, int, float], Any]) -> str:
    return max(HANDED_ON, key=lambda model: sum(raw[model, s, 1.0]["promise"]["profit"] for s in STARTS))


def test_profits_and_gains_are_means_over_the_starts(summary: Summary, raw: dict[tuple[str, int, float], Any]) -> None:
    for row in summary.rows:
        if row.profit is None or row.model == CLAIRVOYANT:
            continue
        earned = [profit(raw, row.model, start) for start in STARTS]
        before = [profit(raw, "status-quo", start) for start in STARTS]
        assert row.profit.mean == pytest.approx(fmean(earned))
        natures = [raw[row.model, start, 1.0]["nature"] for start in STARTS]
        assert row.fill_rate == pytest.approx(fmean(nature["fill_rate"] for nature in natures))
        assert row.stock == pytest.approx(fmean(nature["average_stock"] for nature in natures))
        assert row.gap == pytest.approx(max(raw[row.model, start, 1.0]["gap"] for start in STARTS))
        if row.gain is not None:
            gains = np.subtract(earned, before)
            assert row.gain.mean == pytest.approx(gains.mean())
            assert row.gain.low is not None and row.gain.high is not None
            assert gains.min() - 1e-6 <= row.gain.low <= row.gain.high <= gains.max() + 1e-6


def test_the_best_order_is_the_one_that_promises_most_before_nature(
    summary: Summary, raw: dict[tuple[str, int, float], Any]
) -> None:
    assert summary.best_promised == best_order(raw)
    realised = {model: sum(profit(raw, model, start) for start in STARTS) for model in HANDED_ON}
    assert realised[summary.best_realised] == pytest.approx(max(realised.values()))
    assert {order.model for order in summary.orders} == set(HANDED_ON)


def test_joint_over_sequential_in_money_per_cent_and_in_sample(
    summary: Summary, raw: dict[tuple[str, int, float], Any]
) -> None:
    gain, best = find(summary, JOINT, BEST_SEQUENTIAL), best_order(raw)
    assert gain is not None and gain.in_sample is not None
    joint, other = (fmean(profit(raw, model, start) for start in STARTS) for model in (JOINT, best))
    assert gain.realised.mean == pytest.approx(joint - other, abs=1e-9)
    assert gain.percent == pytest.approx(100 * (joint / other - 1), abs=1e-9)
    promise = {m: [raw[m, s, 1.0]["promise"]["profit"] for s in STARTS] for m in (JOINT, best)}
    assert gain.in_sample.plan == pytest.approx(fmean(np.subtract(promise[JOINT], promise[best])), abs=1e-9)
    bounds = [raw[JOINT, start, 1.0]["bound"] for start in STARTS]
    assert gain.in_sample.high == pytest.approx(fmean(np.subtract(bounds, promise[best])), rel=1e-6, abs=1e-9)
    assert gain.in_sample.low is not None and gain.in_sample.low <= gain.in_sample.plan + 1e-9


TABLES = {
    "operating_models": ["model"],
    "gains": ["model", "over"],
    "hand_offs": ["model"],
    "coordination": ["strength"],
    "booked": ["who"],
    "leaks": ["function", "cause"],
    "interaction": ["functions"],
    "plans": ["model", "start", "tightness", "item", "period"],
    "limits": ["model", "limit", "period"],
    "shadow_prices": ["tightness", "limit", "period"],
    "elasticities": ["item"],
    "forecast_errors": ["picture"],
    "cells": ["model", "start", "tightness"],
    "certificates": ["model", "start", "tightness", "solve"],
    "tightness": ["tightness"],
    "sensitivity": ["figure", "side"],
    "recosted": ["figure"],
    "assumptions": ["figure"],
}
"""Tables of a run in Python, and what names a row."""


def test_every_table_of_a_run_is_tidy(folder: Path) -> None:
    measured = desilo.read_run(folder)
    found = {name: getattr(measured, name) for name in TABLES}
    assert {name: list(table.index.names) for name, table in found.items()} == TABLES
    assert all(table.index.is_unique for table in found.values())
    shadow = found["shadow_prices"].index
    assert [name for name, table in found.items() if table.empty] == ["sensitivity"]  # was not asked for
    assert set(shadow.get_level_values("tightness")) == {0.5, 1.0}
    tables = {name for name, value in vars(desilo.Measured).items() if isinstance(value, property)}
    assert tables == set(TABLES)


def test_tables_of_a_run_agree_with_its_records_and_plans(
    folder: Path, raw: dict[tuple[str, int, float], Any], summary: Summary
) -> None:
    measured = desilo.read_run(folder)
    leaks = measured.leaks.reset_index().pivot_table(index="function", columns="cause", values="money")
    assert leaks.drop(columns="profit").sum(axis=1).to_numpy() == pytest.approx(leaks["profit"].to_numpy())
    booked = measured.booked["money"]
    assert booked["leakage"] == pytest.approx(booked["together"] - booked["realised"])
    facts = raw[JOINT, STARTS[0], 0.5]["facts"]
    plan = measured.plans.sort_index().loc[(JOINT, STARTS[0], 0.5)]
    assert plan["ordered"].groupby("period").sum().to_list() == pytest.approx(facts["units_ordered"])
    assert plan["promoted"].sum() == len(facts["promotions"])
    assert len(measured.certificates) == sum(len(record["steps"]) for record in raw.values())
    gain = measured.gains.loc[(JOINT, BEST_SEQUENTIAL)]
    found = find(summary, JOINT, BEST_SEQUENTIAL)
    assert found is not None and gain["realised"] == found.realised.mean
    assert found.in_sample is not None and gain["in_sample_high"] == found.in_sample.high


def test_a_run_that_keeps_its_summary_alone_still_has_the_tables_of_it(folder: Path, tmp_path: Path) -> None:
    whole, kept = desilo.read_run(folder), tmp_path / "kept"
    kept.mkdir()
    shutil.copy(folder / "run.json", kept)
    (kept / "summary.json").write_text(whole.summary.model_dump_json())
    published = desilo.read_run(kept)
    pd.testing.assert_frame_equal(published.gains, whole.gains)
    assert published.plans.empty and published.cells.empty
    assert published.write_report().read_text().startswith("<!DOCTYPE html>")


def test_leakage_is_what_is_booked_less_what_comes_in(summary: Summary, raw: dict[tuple[str, int, float], Any]) -> None:
    book = summary.booking
    assert book is not None

    def over_starts(figure: Any) -> float:
        return fmean(figure(start) for start in STARTS)

    booked = {
        "pricing": over_starts(lambda s: raw["pricing-only", s, 1.0]["claim"]),
        "demand": over_starts(
            lambda s: raw["demand-only", s, 1.0]["promise"]["profit"] - raw["status-quo", s, 1.0]["promise"]["profit"]
        ),
        "inventory": over_starts(
            lambda s: raw["inventory-only", s, 1.0]["objective"] - raw["status-quo", s, 1.0]["objective"]
        ),
    }
    realised = over_starts(lambda s: profit(raw, "isolated", s) - profit(raw, "status-quo", s))
    assert book.booked == pytest.approx(booked)
    assert book.realised == pytest.approx(realised)
    assert book.leakage.mean == pytest.approx(sum(booked.values()) - realised)
    for function in FUNCTIONS:
        gain = over_starts(lambda s, f=function: profit(raw, f"{f}-only", s) - profit(raw, "status-quo", s))
        effects = dict(book.cost_matrix[function])
        assert effects.pop("profit") == pytest.approx(gain, abs=1e-6)
        assert sum(effects.values()) == pytest.approx(gain, abs=1e-6)


def test_interaction_by_inclusion_and_exclusion(summary: Summary, raw: dict[tuple[str, int, float], Any]) -> None:
    names = {1: "{0}-only", 2: "{0}+{1}", 3: "isolated"}

    def worth(part: tuple[str, ...]) -> float:
        model = names[len(part)].format(*part) if part else "status-quo"
        return fmean(profit(raw, model, start) - profit(raw, "status-quo", start) for start in STARTS)

    found = summary.interaction
    assert found is not None
    for size in (1, 2, 3):
        for part in combinations(FUNCTIONS, size):
            dividend = sum(
                (-1) ** (size - inner) * worth(smaller)
                for inner in range(size + 1)
                for smaller in combinations(part, inner)
            )
            assert found.dividends["+".join(part)] == pytest.approx(dividend, abs=1e-6)
    assert sum(found.dividends.values()) == pytest.approx(worth(FUNCTIONS))
    assert sum(found.shapley.values()) == pytest.approx(worth(FUNCTIONS))
    assert found.total.mean == pytest.approx(worth(FUNCTIONS) - sum(worth((function,)) for function in FUNCTIONS))


def test_the_clairvoyant_is_a_bound_compared_on_its_own_scenarios(
    summary: Summary, raw: dict[tuple[str, int, float], Any]
) -> None:
    row = next(row for row in summary.rows if row.model == CLAIRVOYANT)
    assert row.profit is not None and row.gain is not None
    bounds = [raw[CLAIRVOYANT, start, 1.0]["bound"] for start in STARTS]
    before = [raw["status-quo", start, 1.0]["nature"]["sampled_profit"] for start in STARTS]
    assert row.profit.mean == pytest.approx(fmean(bounds))
    assert row.gain.mean == pytest.approx(fmean(np.subtract(bounds, before)))


def test_tightness_compares_the_same_starts_at_every_level(
    summary: Summary, raw: dict[tuple[str, int, float], Any]
) -> None:
    assert [level.tightness for level in summary.tightness] == [0.5, 1.0]
    for level in summary.tightness:
        gain = profit(raw, JOINT, 131, level.tightness) - profit(raw, SEQUENTIAL, 131, level.tightness)
        assert level.starts == 1
        assert level.gain.realised.mean == pytest.approx(gain)
        assert (level.tightness in summary.wins_at) == (gain > 0)


EARNED = {"limits": 900.0, "prices": 1150.0, "repair": 1250.0}
PROMISED = {"limits": 1000.0, "prices": 1100.0, "repair": 1200.0}


def with_profits(finished: Finished, joint: float, joint_bounds: tuple[float, float]) -> Finished:
    """The run, had isolated earned and promised 1000, joint so much, and the coordinated teams what is said above."""

    def changed(record: CellRecord) -> CellRecord:
        found = record.coordination
        profits = {"isolated": (1000.0, 1000.0), JOINT: (joint, 1400.0), COORDINATED: (1250.0, 1200.0)}
        if record.cell.model not in profits or record.promise is None or record.nature is None:
            return record

        def paid(part: Any, earned: float, promised: float) -> Any:
            scores = {"promise": part.promise, "nature": part.nature}
            money = {"promise": promised, "nature": earned}
            return part.model_copy(update={k: v.model_copy(update={"profit": money[k]}) for k, v in scores.items()})

        record = paid(record, *profits[record.cell.model])
        if record.cell.model == JOINT:
            return record.model_copy(update={"bound": joint_bounds[0]})
        if found is None:
            return record
        strengths = {s: paid(each, EARNED[s], PROMISED[s]) for s, each in found.strengths.items()}
        update = {"joint_bound": joint_bounds[1], "strengths": strengths}
        return record.model_copy(update={"coordination": found.model_copy(update=update)})

    return Finished(finished.record, tuple(changed(record) for record in finished.cells))


@pytest.mark.parametrize("joint_bounds", [(1500.0, 9000.0), (9000.0, 1500.0)])
def test_captured_is_the_share_of_what_joint_gains_over_isolated(
    finished: Finished, joint_bounds: tuple[float, float]
) -> None:
    summary = summarise(with_profits(finished, 1500.0, joint_bounds))
    found = summary.coordinating
    assert found is not None and found.starts == 2 and found.teams == 2
    assert [each.profit.mean for each in found.strengths] == [900, 1150, 1250]
    assert [each.gain.mean for each in found.strengths] == [-100, 150, 250]
    assert [each.capture for each in found.strengths] == pytest.approx([-0.2, 0.3, 0.5])
    assert [each.capture_in_sample for each in found.strengths] == pytest.approx([0, 0.25, 0.5])
    assert [each.capture_of_bound for each in found.strengths] == pytest.approx([0, 0.2, 0.4])
    said = sentences(summary)[2]
    assert "of the USD +500 a window that joint realises over isolated" in said
    assert "-20.0% with limits alone, 30.0% with transfer prices and 50.0% with prices and repair;" in said
    assert "in sample 0.0%, 25.0% and 50.0%." in said
    assert "That is less than isolated: limits alone." in said
    best = find(summary, COORDINATED, BEST_SEQUENTIAL)
    assert best is not None and best.realised.mean < 0 and "earns no more than the best sequential one" in said


def test_a_share_of_next_to_nothing_says_nothing(finished: Finished) -> None:
    """Joint gains a hundredth of a per cent of isolated's 1000: coordinated would capture some thousand per cent."""
    summary = summarise(with_profits(finished, 1000.1, (1000.2, 1000.2)))
    assert summary.coordinating is not None
    assert all(each.capture is None for each in summary.coordinating.strengths)


def test_nothing_is_captured_where_joint_gains_nothing(finished: Finished) -> None:
    summary = summarise(with_profits(finished, 1000.0, (1500.0, 1500.0)))
    assert summary.coordinating is not None
    assert all(each.capture is None for each in summary.coordinating.strengths)
    assert (
        "USD +0 a window that joint realises over isolated are no gain to capture a share of" in sentences(summary)[2]
    )
    assert "| n/a |" in to_markdown(summary)


def test_stronger_coordination_promises_no_less_and_tells_no_less(
    summary: Summary, raw: dict[tuple[str, int, float], Any]
) -> None:
    assert summary.coordinating is not None
    strengths = summary.coordinating.strengths
    assert [each.strength for each in strengths] == ["limits", "prices", "repair"]
    for weak, strong in pairwise(strengths):
        assert weak.gain_in_sample <= strong.gain_in_sample + 1e-6
        assert weak.told <= strong.told and weak.revealed <= strong.revealed and weak.rounds <= strong.rounds
    assert strengths[0].messages < strengths[1].messages  # prices are told too
    for start in STARTS:
        record = raw[COORDINATED, start, 1.0]
        last = record["coordination"]["strengths"]["repair"]
        assert (last["promise"], last["nature"], last["plan"]) == (record["promise"], record["nature"], record["plan"])
        assert raw[JOINT, start, 1.0]["promise"]["profit"] <= record["coordination"]["joint_bound"] + 1e-6


def numbers(value: Any) -> Iterator[float]:
    """Every figure in plain JSON, those in its texts and lengths of its lists too."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from numbers(name)
            yield from numbers(part)
    elif isinstance(value, list):
        yield len(value)
        for part in value:
            yield from numbers(part)
    elif isinstance(value, str):
        yield from (float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*", value.rstrip(".")))
    elif isinstance(value, (int, float)):
        yield abs(float(value))


def test_every_number_on_the_page_is_in_the_json(summary: Summary) -> None:
    known = np.array(sorted(set(numbers(json.loads(summary.model_dump_json())))))
    page = to_markdown(summary)
    checked = 0
    for found in re.finditer(r"(\d[\d,]*(?:\.\d+)*)(%?)", page):
        text = found[1].rstrip(",").replace(",", "")
        if text.count(".") > 1:  # a version
            assert text in summary.model_dump_json()
            continue
        scale = 0.01 if found[2] else 1.0
        half = 0.5 * 10.0 ** -len(text.partition(".")[2])
        near = [np.abs(known - float(text) * factor).min() <= factor * half * 1.001 for factor in (1.0, scale)]
        assert any(near), f"{found[0]} in {page[max(0, found.start() - 80) : found.end() + 20]!r}"
        checked += 1
    assert checked > 150


def test_the_report_is_the_same_every_time_and_writes_what_it_names(
    folder: Path, summary: Summary, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = shown(monkeypatch, capfd, folder, 100)
    assert Summary.model_validate_json((folder / "summary.json").read_text()) == summary
    assert (folder / "summary.md").read_text() == to_markdown(summary)
    assert shown(monkeypatch, capfd, folder, 100) == said
    for name in ("waterfall.png", "tightness.png"):
        image = matplotlib.image.imread(folder / name)
        assert image.shape[0] > 400 and image.shape[1] > 800
        assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 20
        assert (image[..., :3].min(axis=2) < 0.5).mean() > 0.01  # ink


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_the_table_fits_the_terminal_with_nothing_cut_off(
    columns: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = shown(monkeypatch, capfd, folder, columns)
    assert "…" not in said
    table = said[: said.index("\nJoint ")].splitlines()
    assert max(len(line.rstrip()) for line in table) <= columns
    models = ("status-quo", "isolated", "sequential", "coordinated", "joint", "clairvoyant")
    for name in (*models, "alone", "transfer", "and repair"):
        assert any(name in line for line in table)


def losing(summary: Summary, wins_at: tuple[float, ...]) -> Summary:
    """The same summary, had joint earned less than the best sequential plan."""
    gains = tuple(
        gain.model_copy(update={"realised": gain.realised.model_copy(update={"mean": -5.0}), "percent": -0.1})
        if (gain.model, gain.over) == (JOINT, BEST_SEQUENTIAL)
        else gain
        for gain in summary.gains
    )
    return summary.model_copy(update={"gains": gains, "wins_at": wins_at})


def test_it_is_said_plainly_when_joint_does_not_win(summary: Summary) -> None:
    lost = finding(losing(summary, ()))
    assert "does not beat" in lost and "at none of the tightness levels tried" in lost and "In sample" in lost
    assert "at tightness 0.5" in finding(losing(summary, (0.5,)))


def test_four_sentences_with_currency(summary: Summary) -> None:
    said = sentences(summary)
    assert [sentence.split(":")[0] for sentence in said] == ["Leakage", "Interaction", "Coordinated", "Different"]
    assert all("USD" in sentence for sentence in said)


@pytest.mark.parametrize(
    "gone", [JOINT, COORDINATED, "isolated", "status-quo", SEQUENTIAL, CLAIRVOYANT, "demand-only", "everything"]
)
def test_what_has_no_plan_is_missing_from_the_report_and_nothing_else(
    gone: str, finished: Finished, tmp_path: Path
) -> None:
    from desilo.harness.plots import write_plots

    kept = tuple(cell for cell in finished.cells if gone not in (cell.cell.model, "everything"))
    partial = summarise(Finished(finished.record, kept))
    missing = [cell for cell in finished.record.cells if gone in (cell.model, "everything")]
    assert len(partial.missing) == len(missing)
    assert "None" not in to_markdown(partial) and "nan" not in to_markdown(partial)
    write_plots(partial, tmp_path)
    row = next(row for row in partial.rows if row.label == "pricing-only")
    assert (row.profit is None) == (gone == "everything")


def test_tables_in_python_hold_what_the_summary_says(folder: Path, finished: Finished, summary: Summary) -> None:
    measured = desilo.Measured(folder, finished)
    joint = next(row for row in summary.rows if row.model == "joint")
    assert joint.profit is not None
    assert measured.operating_models.loc["joint", "profit"] == joint.profit.mean
    assert list(measured.operating_models.index) == list(TABLE)
    assert list(measured.operating_models["label"]) == [row.label for row in summary.rows]
    over = {(gain.model, gain.over): gain.realised.mean for gain in summary.gains}
    assert measured.gains["realised"].to_dict() == over
    assert len(measured.cells) == len(finished.cells)
