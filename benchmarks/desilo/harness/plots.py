"""Plots of a run."""

from __future__ import annotations

from pathlib import Path

from desilo.harness.report import Summary


def write_plots(summary: Summary, folder: Path) -> None:
    """Write the plots."""
