"""A test does the same every time: nothing depends on the clock, a busy machine is no failure, chance is the same.

`--hypothesis-profile anew` draws other examples at every run, for whoever looks for what nobody has thought of.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("anew", deadline=None)
settings.register_profile("desilo", deadline=None, derandomize=True)
settings.load_profile("desilo")
