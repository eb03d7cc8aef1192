"""Do other firms give the same verdicts, and does a world without connections refuse the claims about them?

    python -m drivers.verdicts ../results/claims seed-1 null-world        from benchmarks/: in a moment

reads the outcome of `desilo claims` (`claims.json`, `run.json`) in a folder and in folders beside it, and writes
`elsewhere.md` there. Nothing is judged anew: every figure and verdict is that of its own run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desilo.harness.claims.answer import LIST, figure, markdown
from desilo.harness.claims.conduct import RUN
from desilo.harness.records import write_text

ELSEWHERE = "elsewhere.md"


@dataclass(frozen=True)
class Told:
    """What a run of all claims said.

    Attributes:
        command: that made it.
        claims: as in `claims.json`, by id.
    """

    command: str
    claims: dict[str, dict[str, Any]]


def read(folder: Path) -> Told:
    """What a run left in a folder."""
    claims = json.loads((folder / LIST).read_text(encoding="utf-8"))
    command = json.loads((folder / RUN).read_text(encoding="utf-8"))["command"]
    return Told(command, {claim["id"]: claim for claim in claims})


def page(published: Told, others: Sequence[Told]) -> str:
    """The verdicts side by side, and which tests came out otherwise."""
    runs = (published, *others)
    header = ("claim", *(f"`{told.command}`" for told in runs))
    rows = [(id, *(_cell(told.claims[id]) for told in runs)) for id in published.claims]
    parts = [
        "# The verdicts elsewhere",
        f"Written by `python -m drivers.verdicts` from the `{LIST}` of the published run and of the runs beside it. "
        "A cell has the verdict and the first test of the claim with its 95% interval. Two seeds have no generated "
        "firm in common; the windows of the real cases are the same. With `--coupling 0` generated firms share no "
        "limit and their items do not touch each other: claims about connection must fail there.",
        markdown(header, rows),
        *(_differences(published, told) for told in others),
    ]
    return "\n\n".join(parts) + "\n"


def _cell(claim: dict[str, Any]) -> str:
    if not claim["tests"]:
        return str(claim["verdict"])
    control = "; control **failed**" if claim["control_passed"] is False else ""
    return f"**{claim['verdict']}**{control}<br>{_measured(claim['tests'][0])}"


def _measured(test: dict[str, Any]) -> str:
    if test["low"] is None or test["high"] is None:
        return "unknown"
    return f"{figure(test['estimate'])} [{figure(test['low'])}, {figure(test['high'])}] {test['unit']}"


def _differences(published: Told, other: Told) -> str:
    same = [id for id, claim in published.claims.items() if other.claims[id]["verdict"] == claim["verdict"]]
    lines = [f"## `{other.command}`", f"{len(same)} of {len(published.claims)} verdicts are the same."]
    if changed := list(_changed(published, other)):
        header = ("claim", "test", "where", "region", f"`{published.command}`", f"`{other.command}`")
        lines += ["Tests and controls that came out otherwise:", markdown(header, changed)]
    return "\n\n".join(lines)


def _changed(published: Told, other: Told) -> Iterator[tuple[str, ...]]:
    """Tests and controls of both runs; where nothing is connected, the real cases, which are, stay out of some."""
    for id, claim in published.claims.items():
        for kind in ("tests", "controls"):
            there = {(test["says"], test["domain"]): test for test in other.claims[id][kind]}
            for here in claim[kind]:
                test = there.get((here["says"], here["domain"]), here)
                if here["held"] != test["held"]:
                    yield id, here["says"], here["domain"], here["region"], _held(here), _held(test)


def _held(test: dict[str, Any]) -> str:
    return f"{'holds' if test['held'] else 'does not hold'}: {_measured(test)}"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the published run")
    parser.add_argument("others", nargs="+", help="folders of other runs, in that folder")
    asked = parser.parse_args()
    others = [read(asked.folder / name) for name in asked.others]
    write_text(page(read(asked.folder), others), asked.folder / ELSEWHERE)


if __name__ == "__main__":
    main()
