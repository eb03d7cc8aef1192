"""Named sets of options. A preset that this version of a solver does not have is refused, not left out.

Method presets name the method for linear programs: of the relaxation where that is what is solved, else of the root
relaxation. Everything else is as HiGHS has it, with one thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Preset:
    """A named set of options.

    Attributes:
        meaning: one line for people.
        options: of HiGHS, beside time limit, gap and seed.
        method: for linear programs; None leaves it to HiGHS.
        integers: whether there is such a thing for programs with integers.
        relaxations: whether it says anything about programs without.
        needs: where to get what a version of HiGHS may be without; empty if nowhere.
    """

    meaning: str
    options: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    method: str | None = None
    integers: bool = True
    relaxations: bool = True
    needs: str = ""

    def values(self, is_mip: bool) -> dict[str, bool | int | float | str]:
        """Options by HiGHS's names; the method's depends on whether there are integers."""
        method = {} if self.method is None else {"mip_lp_solver" if is_mip else "solver": self.method}
        return {**self.options, **method}


DEFAULT = "default"

PRESETS: Mapping[str, Preset] = {
    DEFAULT: Preset("as the solver comes, one thread"),
    "simplex": Preset("relaxations by the dual simplex method", method="simplex"),
    "ipm": Preset("relaxations by the interior-point method IPX", method="ipm"),
    "hipo": Preset(
        "relaxations by the interior-point method HiPO", method="hipo", needs="pip install 'highspy[extras]'"
    ),
    "pdlp": Preset("relaxations by the first-order method PDLP", method="pdlp", integers=False),
    "no-presolve": Preset("presolve off", {"presolve": "off"}),
    "threads-2": Preset("two threads", {"threads": 2}),
    "no-heuristics": Preset("effort 0 for MIP heuristics", {"mip_heuristic_effort": 0.0}, relaxations=False),
    "no-symmetry": Preset("no symmetry detection", {"mip_detect_symmetry": False}, relaxations=False),
}
"""The presets by name."""
