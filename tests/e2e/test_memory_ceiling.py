"""A run that holds too much memory is ended, and told by which setting."""

import pytest

from tests.e2e.conftest import Served, configure


@pytest.mark.e2e
def test_a_run_that_holds_more_than_it_may_is_ended_and_one_that_holds_less_is_not(tmp_path):
    most = 1 << 20  # less than any program in Python holds
    served = Served(configure(tmp_path, server={"max_run_memory_bytes": most}))
    try:
        family = served.family()
        answer = served.prompt("/children", ephemeral=True)
        assert answer["exit_code"] == 1
        assert answer["error"] == f"The run held more than {most} bytes of memory (server.max_run_memory_bytes)"
        assert [row.pid for row in served.family()] == [row.pid for row in family]
        run = served.json("GET", f"/api/v1/runs/{answer['run_id']}")
        assert (run["state"], run["stop_cause"], run["error"]["code"]) == ("failed", "memory", "memory")
    finally:
        served.end()
