"""What is timed: a fixed set of generated instances, each in both formulations.

A timing is comparable over versions only if what is timed never changes: add a specification, do not edit one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from desilo.cases.generate import FAMILIES, generate
from desilo.cases.instance import Instance
from desilo.formulations.freedom import Formulation


@dataclass(frozen=True)
class Spec:
    """One instance and how it is written down.

    Attributes:
        family, size, seed: of the generator.
        formulation: tight or plain.
        uncertainty: the generator's dial; 0 makes demand known.
        whole: whether the mixed-integer program is solved too, or its relaxation only: a search that a time limit
            ends has no time of its own.
    """

    family: str
    size: str
    seed: int
    formulation: Formulation
    uncertainty: float = 1.0
    whole: bool = True

    def __post_init__(self) -> None:
        if self.family not in FAMILIES or self.size not in FAMILIES[self.family].sizes:
            raise ValueError(f"{self}: no such family and size")
        if self.seed < 0 or self.uncertainty < 0:
            raise ValueError(f"{self}: seed and uncertainty are not negative")

    @property
    def id(self) -> str:
        """Names the instance and the formulation; stable over versions."""
        return f"{self.instance().name}-{self.formulation.value}"

    def instance(self) -> Instance:
        """The instance, generated."""
        return generate(self.family, self.size, self.seed, uncertainty=self.uncertainty)


def _both(family: str, size: str, seed: int, uncertainty: float = 1.0, whole: bool = True) -> Iterator[Spec]:
    for formulation in (Formulation.TIGHT, Formulation.PLAIN):
        yield Spec(family, size, seed, formulation, uncertainty, whole)


SPECS: tuple[Spec, ...] = (
    *_both("features", "M", 1),  # every feature of the format
    *_both("lot-sizing", "S", 1),  # set-ups: the facility-location rows
    *_both("newsvendor", "S", 1),  # scenarios: the recourse
    *_both("substitution", "S", 1, uncertainty=0, whole=False),  # cross effects: pair variables, multiplied rows
    *_both("retail", "S", 1, uncertainty=0, whole=False),  # everything at once
)
"""Every specification. Their ids are distinct: a test of the suite sees to it."""
