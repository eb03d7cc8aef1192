"""Serves the page on this machine alone. This module and `panel` need the extra `explore`.

NiceGUI, because a page is plain Python, everything that it loads comes from its own process (no network), and values
that change there are pushed to the browser. Panel and Dash can do it as well, with more to write.
"""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from nicegui import app, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

from desilo.harness.exploring.opening import Explored
from desilo.harness.exploring.panel import Panel
from desilo.harness.exploring.solver import Solver
from desilo.harness.html.page import render

HOST = "127.0.0.1"
"""The one address that is listened on: what is shown is the company's own affair."""


def listen(port: int) -> socket.socket:
    """A socket that listens on this machine alone; port 0 takes any that is free.

    Raises:
        OSError: the port is in use, or not ours to take.
    """
    return socket.create_server((HOST, port))


def address(listening: socket.socket) -> str:
    """Where the page is."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


def serve(explored: Explored, listening: socket.socket, browser: bool) -> None:
    """Serve the page until Ctrl-C.

    Args:
        explored: what there is to explore.
        listening: as from `listen`.
        browser: whether to open the page in one.

    Raises:
        KeyboardInterrupt: everything has ended.
    """
    server = application(explored)
    if browser:
        webbrowser.open(address(listening))
    config = uvicorn.Config(server, log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listening])


def application(explored: Explored) -> FastAPI:
    """The page and the run's report. Whoever asks for another host than this one, such as a page of the web that
    found out the port, is sent away."""
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    server.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    if (report := explored.report) is not None:
        server.get("/report", response_class=HTMLResponse)(lambda: render(report))
    ui.run_with(server, root=page(explored), title=f"desilo: {explored.title}", dark=None, show_welcome_message=False)
    return server


def page(explored: Explored) -> Callable[[], None]:
    """Builds the page anew for every browser that opens it, with a solver of its own."""

    def root() -> None:
        solver = Solver()
        ui.context.client.on_delete(solver.close)
        app.on_shutdown(solver.close)  # else Ctrl-C would wait for the answer
        Panel(explored, solver)

    return root
