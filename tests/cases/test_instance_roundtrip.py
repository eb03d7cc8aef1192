"""Writing and reading are inverse; folders and files are replaced whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_folders import refusal

from desilo.cases import writing
from desilo.cases.errors import BadInput, Problem
from desilo.cases.generate import FAMILIES, Dials, features_with_plan, generate
from desilo.cases.instance import Instance
from desilo.cases.plan import Plan, read_plan, write_plan
from desilo.cases.reading import read_instance
from desilo.cases.writing import write_instance

TEXTS = ("title", "period_unit", "currency", "source", "licence", "notes")


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.sampled_from(["S", "M"]),
    table_format=st.sampled_from(["csv", "parquet"]),
    dial=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
)
def test_instance_round_trip(seed: int, size: str, table_format: writing.TableFormat, dial: float) -> None:
    instance = generate("features", size, seed, dial, dial, dial)
    with TemporaryDirectory() as folder:
        write_instance(instance, Path(folder, "a"), table_format)
        again = read_instance(Path(folder, "a"))
        write_instance(again, Path(folder, "b"), table_format)
        names = sorted(path.name for path in Path(folder, "a").iterdir())
        assert names == sorted(path.name for path in Path(folder, "b").iterdir())
        if table_format == "csv":
            assert all(Path(folder, "a", n).read_bytes() == Path(folder, "b", n).read_bytes() for n in names)
    assert again.digest() == instance.digest()
    assert all(getattr(again, name) == getattr(instance, name) for name in TEXTS)


@settings(max_examples=25, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1),
    figure=st.floats(0, 1e12, allow_subnormal=True),
    notes=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_name_and_any_figure_survive(name: str, figure: float, notes: str) -> None:
    one = generate("features", "S", 3)
    instance = replace(
        one,
        name=name,
        notes=notes.strip(),
        items=(name, *(f"other {other}" for other in one.items[1:])),
        groups=tuple(f"{name}, group" for _ in one.items),
        initial_stock=np.full(len(one.items), figure),
        service=(),
    )
    with TemporaryDirectory() as folder:
        write_instance(instance, Path(folder, "a"))
        again = read_instance(Path(folder, "a"))
    assert again.digest() == instance.digest()
    assert again.notes == instance.notes


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_round_trips(tmp_path: Path, family: str) -> None:
    instance = generate(family, "S", 2)
    write_instance(instance, tmp_path / "x")
    assert read_instance(tmp_path / "x").digest() == instance.digest()


def test_an_instance_folder_is_replaced_whole(tmp_path: Path) -> None:
    write_instance(generate("retail", "S", 1), tmp_path / "x", "csv")
    instance = generate("features", "S", 1)
    write_instance(instance, tmp_path / "x", "parquet")
    assert read_instance(tmp_path / "x").digest() == instance.digest()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("stranger", ["notes.txt", ".git"])
def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, stranger: str) -> None:
    write_instance(generate("features", "S", 1), tmp_path / "x")
    before = read_instance(tmp_path / "x").digest()
    (tmp_path / "x" / stranger).write_text("precious")
    with pytest.raises(BadInput, match="no instance's"):
        write_instance(generate("features", "S", 2), tmp_path / "x")
    assert (tmp_path / "x" / stranger).read_text() == "precious"
    (tmp_path / "x" / stranger).unlink()
    assert read_instance(tmp_path / "x").digest() == before


def test_a_failed_write_leaves_the_old_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate("features", "S", 1)
    write_instance(instance, tmp_path / "x")

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write_files", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_instance(generate("features", "S", 2), tmp_path / "x")
    assert read_instance(tmp_path / "x").digest() == instance.digest()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_file_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("precious")
    with pytest.raises(BadInput, match="is a file"):
        write_instance(generate("features", "S", 2), tmp_path / "x")
    assert (tmp_path / "x").read_text() == "precious"


# ---- solution files


@pytest.fixture(scope="module")
def planned() -> tuple[Instance, Plan]:
    instance, plan = features_with_plan(FAMILIES["features"].sizes["S"], np.random.default_rng(8), Dials())
    assert plan.order.any()
    return replace(instance, name="planned"), plan


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), scale=st.floats(1e-9, 1e9))
def test_plan_round_trip(seed: int, scale: float) -> None:
    instance, plan = features_with_plan(FAMILIES["features"].sizes["M"], np.random.default_rng(seed), Dials())
    plan = replace(plan, order=plan.order * scale / 3)
    with TemporaryDirectory() as folder:
        path = Path(folder, "deep", "plan.json")
        write_plan(instance, plan, path)
        again = read_plan(instance, path)
        assert [other.name for other in path.parent.iterdir()] == ["plan.json"]
    np.testing.assert_array_equal(again.level, plan.level)
    np.testing.assert_array_equal(again.order, plan.order)


def plan_problems(instance: Instance, path: Path, content: object) -> tuple[Problem, ...]:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return refusal(lambda: read_plan(instance, path))


def test_orders_may_be_left_out_and_solver_noise_is_no_order(tmp_path: Path, planned: tuple[Instance, Plan]) -> None:
    instance, plan = planned
    write_plan(instance, plan, tmp_path / "plan.json")
    content = json.loads((tmp_path / "plan.json").read_text())
    content["orders"] = [{"item": instance.items[0], "period": 1, "quantity": -1e-9}]
    (tmp_path / "plan.json").write_text(json.dumps(content))
    np.testing.assert_array_equal(read_plan(instance, tmp_path / "plan.json").order, np.zeros_like(plan.order))


@pytest.mark.parametrize(
    ("part", "change", "place", "text"),
    [
        ("levels", {"item": "kiwi"}, "levels[0]", "unknown item 'kiwi'"),
        ("levels", {"level": "99"}, "levels[0]", "has no level '99'"),
        ("levels", {"level": 1}, "levels[0].level", "found 1"),
        ("levels", {"period": 99}, "levels[0]", "found 99; periods run from 1"),
        ("levels", {"period": 0}, "levels[0].period", "found 0"),
        ("levels", {"period": 1.5}, "levels[0].period", "found 1.5"),
        ("levels", {"period": True}, "levels[0].period", "found true"),
        ("levels", {"period": 2}, "levels[1]", "is there already"),
        ("levels", None, "levels", "no level for item"),
        ("levels", {"price": 2}, "levels[0].price", "unknown key"),
        ("orders", {"quantity": -1}, "orders[0].quantity", "found -1"),
        ("orders", {"quantity": float("nan")}, "orders[0].quantity", "found nan"),
        ("orders", {"quantity": float("inf")}, "orders[0].quantity", "found inf"),
        ("orders", {"quantity": 10**400}, "orders[0].quantity", "found a number of more than"),
        ("levels", {"period": 10**400}, "levels[0]", "found a number of more than"),
        ("orders", {"quantity": 1e300}, "orders[0].quantity", "found 1e+300; a number of units from 0 to 1e+15"),
        ("orders", {"quantity": "many"}, "orders[0].quantity", "found 'many'"),
        ("orders", {"item": "kiwi"}, "orders[0]", "unknown item 'kiwi'"),
    ],
)
def test_broken_solution_is_named(
    tmp_path: Path, planned: tuple[Instance, Plan], part: str, change: dict[str, object] | None, place: str, text: str
) -> None:
    instance, plan = planned
    write_plan(instance, plan, tmp_path / "plan.json")
    content = json.loads((tmp_path / "plan.json").read_text())
    if change is None:
        del content[part][0]
    else:
        content[part][0] |= change
    found = plan_problems(instance, tmp_path / "plan.json", content)
    assert any(p.column == place and text in p.message for p in found), found


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "not usable JSON"),
        (b"9" * 10_000, "not usable JSON"),
        (b"[]", "found []"),
        (b"{}", "missing"),
        ({"instance": "other", "levels": [], "orders": []}, "solves instance 'other'"),
        (b'{"instance": "planned", "levels": [], "orders": [], "levels": []}', "there 2 times in one object; keep one"),
        (b'{"orders": [{"item": "a", "period": 1, "quantity": 1, "quantity": 2}]}', "(item 'a', period 1)"),
        ({"instance": "planned", "level": [], "orders": []}, "did you mean 'levels'?"),
    ],
)
def test_unusable_solution_file(tmp_path: Path, planned: tuple[Instance, Plan], content: object, text: str) -> None:
    found = plan_problems(planned[0], tmp_path / "plan.json", content)
    assert any(text in p.message for p in found), found


def test_missing_solution_file(tmp_path: Path, planned: tuple[Instance, Plan]) -> None:
    with pytest.raises(BadInput, match=r"plan\.json: cannot be read"):
        read_plan(planned[0], tmp_path / "plan.json")
