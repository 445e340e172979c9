from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about what else the machine does than about our code.
settings.register_profile("openesi", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("openesi")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers of the tests announce themselves elsewhere than the one that somebody runs meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
