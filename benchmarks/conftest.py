"""Options of the benchmarks, and the table of the routes to HiGHS."""

from pathlib import Path
from typing import Any

import pytest

from drivers import routes

RUNS = pytest.StashKey[list[routes.Run]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the routes to HiGHS are taken with."""
    group = parser.getgroup("routes to HiGHS")
    group.addoption("--sizes", default="M,L", help="sizes of the retail family: S, M, L")
    group.addoption("--routes-rounds", type=int, default=3, help="rounds, of which the best counts")
    group.addoption("--slow-routes", action="store_true", help="take routes that expand every row at size L as well")
    group.addoption("--routes-out", type=Path, help="folder to write the table to")


def pytest_configure(config: pytest.Config) -> None:
    """Keep what is measured."""
    config.stash[RUNS] = []


@pytest.fixture
def route_runs(pytestconfig: pytest.Config) -> list[routes.Run]:
    """The measurements of this session."""
    return pytestconfig.stash[RUNS]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table, and write it if a folder is given."""
    runs = config.stash[RUNS]
    if runs:
        terminalreporter.section("routes to HiGHS")
        terminalreporter.write_line("\n".join(routes.table(runs)))
        if config.option.routes_out:
            routes.write(runs, " ".join(["pytest", *config.invocation_params.args]), config.option.routes_out)
