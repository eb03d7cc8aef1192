"""Options of the benchmarks."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Larger instances for the routes to HiGHS."""
    parser.addoption("--sizes", default="S", help="sizes of the retail family for the routes to HiGHS: S, M, L")
