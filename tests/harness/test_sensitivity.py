"""Planning again under figures other than assumed: the worlds, the records, what is said of them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import Ear, small_settings, write_small_case

from desilo.cases.case import Case
from desilo.cases.errors import BadInput
from desilo.cases.instance import Instance
from desilo.harness import sensitivity
from desilo.harness.cli import main
from desilo.harness.experiment import JOINT, SEQUENTIAL, Estimates, Problems, Settings, prepare_case, starts_of
from desilo.harness.nature import response_of
from desilo.harness.records import Replanned, Variant, read_record
from desilo.harness.report import Replanning, summarise
from desilo.harness.run import Finished, load, run
from desilo.harness.sensitivity import DIALS, SENSITIVITY, dial_of, path_of, problems_of, responses
from desilo.harness.words import survival
from desilo.operating.forecast import Response, fit

FEW = ("demand", "holding_cost", "lead_time", "open_to_buy")
"""Figures that are tried here; the lead time can only be shorter than the two weeks that are planned."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return small_settings(write_small_case(tmp_path_factory.mktemp("case") / "small"), tightness=(1.0,))


@pytest.fixture(scope="module")
def case(settings: Settings) -> Case:
    return prepare_case(settings)


@pytest.fixture(scope="module")
def known(case: Case, settings: Settings) -> dict[str, Response]:
    estimates = Estimates(fit(case, case.holdout), response_of(case))
    return responses(estimates, case, starts_of(case, settings)[0])


@pytest.fixture(scope="module")
def base(case: Case, known: dict[str, Response], settings: Settings) -> Problems:
    return world(case, known, settings, "", "")


def world(case: Case, known: dict[str, Response], settings: Settings, figure: str, side: Any) -> Problems:
    variant = Variant(start=starts_of(case, settings)[0], figure=figure, side=side)
    problems = problems_of(case, known, settings, variant)
    assert problems is not None
    return problems


# ---- worlds


def differing(one: Instance, other: Instance) -> set[str]:
    """Fields of two instances that are not the same."""

    def plain(value: Any) -> Any:
        return repr(value) if not isinstance(value, np.ndarray) else value.tobytes()

    return {f.name for f in fields(one) if plain(getattr(one, f.name)) != plain(getattr(other, f.name))}


MOVES = {
    "demand": {"demand", "cross_effects"},
    "elasticities": {"demand", "cross_effects"},
    "spread": {"demand", "cross_effects"},
    "unit_cost": {"unit_cost", "holding_cost", "lost_sale_cost", "salvage_value", "resources"},
    "promotion_slots": {"resources"},
    "price_image": {"resources"},
    "receiving_labour": {"resources"},
    "receiving_overtime": {"resources"},
    "cold_store": {"resources"},
    "cold_store_overflow": {"resources"},
    "open_to_buy": {"resources"},
}
"""What a figure moves in an instance, where it is not the field of its name."""


@pytest.mark.parametrize("figure", [dial.figure for dial in DIALS if dial.figure != "promotion_slots"])
def test_a_figure_moves_what_it_stands_for_and_nothing_else(
    figure: str, case: Case, known: dict[str, Response], settings: Settings, base: Problems
) -> None:
    other = world(case, known, settings, figure, "low")
    for name, instance in other.instances().items():
        moved = differing(instance, base.instances()[name])
        assert moved and moved <= MOVES.get(figure, {figure}), name
        assert "demand" in moved or figure not in sensitivity.DEMAND
        assert "resources" in moved or MOVES.get(figure, set()) != {"resources"}


@pytest.mark.parametrize("side", ["low", "high"])
def test_demand_is_higher_steeper_or_more_uncertain_in_the_world_as_in_every_picture(
    side: Any, case: Case, known: dict[str, Response], settings: Settings, base: Problems
) -> None:
    factor = {"low": 0.75, "high": 1.25}[side]
    for name, instance in base.instances().items():
        higher, steeper, wider = (
            world(case, known, settings, figure, side).instances()[name] for figure in sensitivity.DEMAND
        )
        assert higher.demand == pytest.approx(factor * instance.demand, rel=1e-12)
        item, levels = np.arange(len(instance.items)), np.log(instance.expected_demand / at_reference(instance))
        regular = ~instance.promo & instance.has_level
        new = np.log(steeper.expected_demand / at_reference(steeper))
        assert at_reference(steeper) == pytest.approx(at_reference(instance), rel=1e-3)  # prices are in whole cents
        shown = np.broadcast_to(regular[:, None, :], levels.shape)
        assert new[shown] == pytest.approx(factor * levels[shown], abs=1e-3)
        spread = [np.log(each.demand[item, :, each.reference]).std(axis=-1) for each in (wider, instance)]
        assert spread[0] == pytest.approx(factor * spread[1], rel=1e-9)
        if name != "nature":
            assert wider.expected_demand == pytest.approx(instance.expected_demand, rel=1e-9)


def at_reference(instance: Instance) -> Any:
    """(I, T, 1) expected demand at the reference prices."""
    return instance.expected_demand[np.arange(len(instance.items)), :, instance.reference][:, :, None]


@pytest.mark.parametrize(
    ("figure", "value"),
    [("lead_time", 0.0), ("salvage_value", 0.95)],  # not shorter than none; not above the unit cost
)
def test_a_world_that_cannot_be_is_left_out(
    figure: str, value: float, case: Case, known: dict[str, Response], settings: Settings
) -> None:
    assumed = case.assumptions
    own = getattr(assumed, figure).model_copy(update={"value": value})
    other = Case(**{**vars(case), "assumptions": assumed.model_copy(update={figure: own})})
    sides = [
        problems_of(other, known, settings, Variant(start=starts_of(case, settings)[0], figure=figure, side=side))
        for side in sensitivity.SIDES
    ]
    assert sum(problems is None for problems in sides) == 1


# ---- runs


@pytest.fixture(scope="module", autouse=True)
def few() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity, "_variants", only_few)
        yield


def only_few(start: int) -> list[Variant]:
    return [
        Variant(start=start),
        *(Variant(start=start, figure=figure, side=side) for figure in FEW for side in sensitivity.SIDES),
    ]


@pytest.fixture(scope="module")
def whole(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run(settings, folder, Ear(), sensitivity=2)


def test_every_variant_is_on_record_and_none_that_changes_nothing(whole: tuple[Path, Finished]) -> None:
    folder, finished = whole
    expected = {v for start in finished.record.starts for v in only_few(start)}
    expected -= {v for v in expected if (v.figure, v.side) == ("lead_time", "high")}  # as long as the horizon
    assert {record.variant for record in finished.replanned} == expected == set(finished.record.variants)
    assert load(folder).replanned == finished.replanned
    assert sorted(path.name for path in (folder / SENSITIVITY).iterdir()) == sorted(f"{v.slug}.json" for v in expected)


def test_with_all_as_it_is_the_plans_are_those_of_the_run(whole: tuple[Path, Finished]) -> None:
    own = {(record.cell.model, record.cell.start): record for record in whole[1].cells}
    for replanned in whole[1].replanned:
        if not replanned.variant.figure:
            for cell in replanned.cells:
                run_own = own[cell.cell.model, cell.cell.start]
                assert cell.objective == pytest.approx(run_own.objective, rel=1e-5)
                assert cell.bound == pytest.approx(run_own.bound, rel=1e-5)
            assert [cell.cell.model for cell in replanned.cells][:: len(replanned.cells) - 1] == [SEQUENTIAL, JOINT]


def test_a_figure_changed_in_the_case_comes_to_the_same(whole: tuple[Path, Finished], tmp_path: Path) -> None:
    """`desilo run` on a case with the other figure in its assumptions.toml."""
    other = write_small_case(tmp_path / "small")
    assumed = other / "assumptions.toml"
    text, found = re.subn(r"(\[holding_cost\]\s+value = )[\d.]+", rf"\g<1>{1.25 * 0.015}", assumed.read_text())
    assert found == 1
    assumed.write_text(text)
    finished = run(small_settings(other, tightness=(1.0,)), tmp_path / "run", Ear())
    own = {(record.cell.model, record.cell.start): record for record in finished.cells}
    for start in finished.record.starts:
        record = read_record(Replanned, path_of(whole[0], Variant(start=start, figure="holding_cost", side="high")))
        for cell in record.cells:
            run_own = own[cell.cell.model, start]
            assert cell.objective == pytest.approx(run_own.objective, rel=1e-5)
            assert cell.nature is not None and run_own.nature is not None
            if cell.cell.model == SEQUENTIAL:
                assert cell.nature.profit == pytest.approx(run_own.nature.profit, rel=1e-9)


class Impatient(Ear):
    """Presses Ctrl-C after some variants."""

    def finished(self, record: Any) -> None:
        super().finished(record)
        if sum(isinstance(each, Replanned) for each in self.worked_out) == 3:
            raise KeyboardInterrupt


def test_stopped_it_goes_on_and_comes_to_the_same(
    whole: tuple[Path, Finished], settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path / "run", Impatient(), sensitivity=1)
    begun = summarise(load(tmp_path / "run")).replanning
    assert begun is not None and [each.figure for each in begun.tried] == ["demand"]  # as far as it came
    ear = Ear()
    finished = run(settings, tmp_path / "run", ear, sensitivity=1)
    assert ear.on_record == 3 and len(ear.worked_out) == ear.total - 3 == 5

    def figures(finished: Finished) -> list[Any]:
        first = [r for r in finished.replanned if r.variant.start == finished.record.starts[0]]
        return [(r.variant, [(c.objective, c.bound, c.nature) for c in r.cells]) for r in first]

    assert figures(finished) == figures(whole[1])
    again = Ear()
    run(settings, tmp_path / "run", again, sensitivity=1)
    assert (again.on_record, again.worked_out) == (again.total, [])


def test_a_record_of_another_variant_is_refused(whole: tuple[Path, Finished], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(whole[0], tmp_path / "run"))
    one, other = (path_of(copy, record.variant) for record in whole[1].replanned[:2])
    other.write_bytes(one.read_bytes())
    with pytest.raises(BadInput, match="another variant's"):
        load(copy)


# ---- what is said


@pytest.fixture(scope="module")
def found(whole: tuple[Path, Finished]) -> Replanning:
    replanning = summarise(whole[1]).replanning
    assert replanning is not None
    return replanning


def test_the_summary_has_every_gain_and_its_change(whole: tuple[Path, Finished], found: Replanning) -> None:
    """From the JSON alone."""
    raw = [json.loads(path.read_text()) for path in (whole[0] / SENSITIVITY).iterdir()]

    def gained(figure: str, side: str) -> list[float]:
        own = sorted(
            (r for r in raw if (r["variant"]["figure"], r["variant"]["side"]) == (figure, side)),
            key=lambda r: r["variant"]["start"],
        )
        orders = range(len(own[0]["cells"]) - 1)
        best = max(orders, key=lambda k: sum(r["cells"][k]["promise"]["profit"] for r in own))
        return [r["cells"][-1]["nature"]["profit"] - r["cells"][best]["nature"]["profit"] for r in own]

    as_it_is = gained("", "")
    assert found.as_it_is.realised.mean == pytest.approx(np.mean(as_it_is), abs=1e-6)
    assert {each.figure for each in found.tried} == set(FEW)
    for each in found.tried:
        dial = dial_of(Variant(start=0, figure=each.figure, side="low"))
        assert dial is not None and each.limit == (each.figure == "open_to_buy")
        for name, side in each.sides.items():
            assert side.by == dial.by(name) and side.gain is not None and side.change is not None
            assert side.gain.realised.mean == pytest.approx(np.mean(gained(each.figure, name)), abs=1e-6)
            assert side.change.mean == pytest.approx(side.gain.realised.mean - found.as_it_is.realised.mean, abs=1e-6)
            own, other = side.gain.in_sample, found.as_it_is.in_sample
            assert own is not None and other is not None and None not in (own.low, own.high, other.low, other.high)
            apart = own.low > other.high or own.high < other.low  # type: ignore[operator]
            assert side.within_gaps == (not apart)


def reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.argv", ["desilo", "report", str(folder)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    return (folder / "report.html").read_text()


def test_the_page_says_it(whole: tuple[Path, Finished], monkeypatch: pytest.MonkeyPatch) -> None:
    page, summary = reported(whole[0], monkeypatch), summarise(whole[1])
    assert 'id="replanned-figures"' in page and 'id="replanned-limits"' in page
    assert "--sensitivity" not in page
    markdown = (whole[0] / "summary.md").read_text()
    assert survival(summary) in markdown and "| holding cost | +25% |" in markdown


def test_without_it_the_page_says_how(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(settings, tmp_path / "run", Ear())
    assert "--sensitivity 1" in reported(tmp_path / "run", monkeypatch)


def test_no_fewer_than_no_starts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["desilo", "run", "tuna", "--sensitivity", "-1"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "--sensitivity: found -1" in capsys.readouterr().err
