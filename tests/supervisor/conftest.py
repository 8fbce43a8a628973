"""Supervisors that keep their runs and sessions."""

import pytest

from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.sessions import SessionOptions


@pytest.fixture
def keep(tmp_path):
    """Opens the same home again and again."""

    async def make(**options):
        home = tmp_path / "home"
        return Keeping(Spool(home / "runs"), await Store.open(home), SessionOptions(**options))

    return make


@pytest.fixture
async def kept(new_stage, keep):
    """A stage whose runs are kept."""
    return new_stage(keeping=await keep())
