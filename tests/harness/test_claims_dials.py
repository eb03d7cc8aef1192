"""The experiments that turn a dial: capability, cadence, scorecards, and when limits are seen to."""

import numpy as np
import pytest

from desilo.cases.instance import Activity
from desilo.harness.claims.world import Dials, world


@pytest.mark.parametrize("coupling", [0.25, 0.5, 1.0, 2.0])
def test_stock_at_the_beginning_fits_however_tight_the_coupling(coupling: float) -> None:
    firm = world(3, Dials(items=3, coupling=coupling)).nature
    storage = next(resource for resource in firm.resources if Activity.STOCK in resource.use)
    assert storage.use[Activity.STOCK] @ firm.initial_stock <= storage.capacity.min() * (1 + 1e-12)
    assert np.isfinite(storage.capacity).all()
