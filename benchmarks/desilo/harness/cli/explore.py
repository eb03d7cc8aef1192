"""Command line: explore."""

from __future__ import annotations

import importlib.util
import os
from contextlib import suppress
from typing import Annotated

import typer

from desilo.cases.errors import BadInput, Problem
from desilo.harness.cli import WHOLE

PORT = 8321


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    app.command()(explore)


def explore(
    what: Annotated[str, typer.Argument(help="Folder of a run, a case or an instance; or a bundled case.")],
    port: Annotated[int, typer.Option(**WHOLE, help="Port on this machine; 0 takes any that is free.")] = PORT,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    quick: Annotated[bool, typer.Option("--quick", help="Of a case: one price zone, as in a quick run.")] = False,
) -> None:
    """Turn limits and prices, and see at once what would be decided.

    A page in the browser with a slider for every limit and for prices. What is
    solved again stands beside the run's own plan: profit with its bound and gap,
    prices, orders, use of the limits and their shadow prices. It is served to this
    machine alone and loads nothing from elsewhere. Ctrl-C ends it.

    Exit status: 0 ended by Ctrl-C; 2 bad input, or the extra is not installed.
    """
    if not 0 <= port <= 65535:
        raise BadInput([Problem("--port", f"found {port}; a whole number from 0 to 65535 is expected")])
    if importlib.util.find_spec("nicegui") is None:
        raise BadInput([Problem("explore", "needs NiceGUI; install it with: pip install 'desilo[explore]'")])

    from desilo.harness.exploring.app import address, listen, serve
    from desilo.harness.exploring.opening import open_explored

    try:
        listening = listen(port)
    except OSError as error:
        message = (
            f"port {port} cannot be had: {os.strerror(error.errno or 0)}; choose another, 0 takes any that is free"
        )
        raise BadInput([Problem("--port", message)]) from None
    with listening:
        explored = open_explored(what, quick)
        typer.echo(f"{explored.title}: {address(listening)} (Ctrl-C ends it)")
        with suppress(KeyboardInterrupt):
            serve(explored, listening, browser)
        typer.echo("ended")
