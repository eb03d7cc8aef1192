"""How much memory can still be had: asked before something large is begun, so that it is refused in words."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""

GB = 1e9


def free() -> float:
    """Bytes that this process can still get: what the system has available, within the container's limit."""
    available = float(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        limit, used = (float((CONTAINER / f"memory.{name}").read_text()) for name in ("max", "current"))
        available = min(available, max(limit - used, 0.0))
    return available


def shortage(need: float) -> str:
    """What is missing for so many bytes, for people; empty if nothing is."""
    there = free()
    return "" if need <= there else f"at least {need / GB:,.1f} GB of memory are needed, {there / GB:,.1f} GB are free"
