"""Command line: generated instances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.core import TyperCommand

from desilo.harness.cli import NUMBER, WHOLE


class NamingFamilies(TyperCommand):
    """Its help names the families, which are loaded only to show it."""

    @property
    def help(self) -> str:
        from desilo.cases.generate import FAMILIES

        families = "\n\n".join(f"- {family.name}: {family.meaning}." for family in FAMILIES.values())
        return f"{self.short_help} The same options give the same digest.\n\nFamilies:\n\n{families}"

    @help.setter
    def help(self, _: str | None) -> None:
        """Composed above."""


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command(cls=NamingFamilies, short_help="Generate an instance.")(generate)


def generate(
    family: Annotated[str, typer.Option(help="What kind, see above.")],
    size: Annotated[str, typer.Option(help="How large: S, M, L or XL.")],
    seed: Annotated[int, typer.Option(**WHOLE, help="Seed of the random numbers, 0 or more.")],
    out: Annotated[Path, typer.Option(help="Folder to write; an instance in it is replaced.")],
    coupling: Annotated[float, typer.Option(**NUMBER, help="Shared limits: 0 none, 1 default, above 1 tighter.")] = 1.0,
    uncertainty: Annotated[float, typer.Option(**NUMBER, help="Spread of demand: 0 deterministic, 1 default.")] = 1.0,
    substitution: Annotated[float, typer.Option(**NUMBER, help="Cross effects of prices: 0 none, 1 default.")] = 1.0,
    table_format: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="Format of the tables.")] = "csv",
) -> None:
    """Generate an instance folder and print what was written."""
    from desilo.cases.generate import generate as generate_instance
    from desilo.cases.writing import write_instance

    instance = generate_instance(family, size, seed, coupling, uncertainty, substitution)
    write_instance(instance, out, table_format)
    shape = f"{len(instance.items)} items, {instance.periods} periods, {len(instance.scenarios)} scenarios"
    limits = f"{len(instance.resources)} shared limits"
    typer.echo(f"{instance.name}: {shape}, {limits} -> {out}, digest {instance.digest()}")
