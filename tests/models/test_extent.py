"""The size of a model is told before it is built, and what memory is too small for is refused in words."""

from __future__ import annotations

import pytest

from desilo.cases import memory
from desilo.cases.errors import BadInput
from desilo.cases.generate import generate
from desilo.cases.writing import write_instance
from desilo.formulations.extent import BYTES_A_COLUMN, columns_at_least
from desilo.formulations.freedom import Formulation, Freedom
from desilo.formulations.models import joint_model, size_of
from desilo.harness.cli import Exit, main


@pytest.mark.parametrize("formulation", Formulation)
@pytest.mark.parametrize("family", ["features", "substitution", "lot-sizing", "newsvendor"])
def test_a_model_has_at_least_so_many_columns_and_not_many_more(family: str, formulation: Formulation) -> None:
    instance = generate(family, "S", 1)
    least = columns_at_least(instance, Freedom.full(instance), formulation)
    assert 0.4 < least / size_of(joint_model(instance, formulation=formulation).model) <= 1


def test_levels_that_are_given_make_a_smaller_model() -> None:
    instance = generate("features", "M", 1)
    full = Freedom.full(instance)
    given = full.at_levels(instance.reference[:, None].repeat(instance.periods, axis=1))
    least = columns_at_least(instance, given, Formulation.TIGHT)
    assert least <= size_of(joint_model(instance, given).model)
    assert least < columns_at_least(instance, full, Formulation.TIGHT)


def test_a_model_that_memory_is_too_small_for_is_refused_by_the_command_line(tmp_path, monkeypatch, capsys) -> None:
    instance = generate("features", "S", 1)
    write_instance(instance, tmp_path / "small")
    needed = BYTES_A_COLUMN * columns_at_least(instance, Freedom.full(instance), Formulation.TIGHT)
    monkeypatch.setattr(memory, "free", lambda: needed - 1)
    monkeypatch.setattr("sys.argv", ["desilo", "solve", str(tmp_path / "small"), "--model", "joint"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == Exit.BAD_INPUT
    said = capsys.readouterr().err
    assert "of memory are needed" in said
    assert "take fewer scenarios, levels, periods or items, or --method decomposition, or --formulation plain" in said


def test_free_memory_keeps_within_a_containers_limit(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    without = memory.free()
    for limit, used, left in (("3000", "1000", 2000), ("1000", "3000", 0)):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
        assert memory.free() == left
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free() == pytest.approx(without, rel=0.5)
    assert not memory.shortage(0)


def test_bad_input_comes_whole_out_of_a_worker() -> None:
    import pickle

    from desilo.cases.errors import Problem

    bad = BadInput([Problem("a.csv", "no", 2, "x"), Problem("b.csv", "no")])
    assert pickle.loads(pickle.dumps(bad)).problems == bad.problems
