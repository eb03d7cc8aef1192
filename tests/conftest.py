"""Nothing in a test depends on the clock: a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("desilo", deadline=None)
settings.load_profile("desilo")
