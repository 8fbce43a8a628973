"""A run that writes without end is stopped, and told by which setting."""

import pytest

from tests.e2e.conftest import Served


@pytest.mark.e2e
def test_a_run_that_writes_more_than_it_may_is_stopped_and_the_next_one_is_not(tmp_path):
    config = tmp_path / "clinvk" / "config.yaml"
    config.parent.mkdir()
    config.write_text("server:\n  max_run_output_bytes: 20000\n")
    served = Served(tmp_path)
    try:
        family = served.family()
        answer = served.prompt("/big 5000000", ephemeral=True)
        assert answer["exit_code"] == 1
        assert [row.pid for row in served.family()] == [row.pid for row in family]
        assert answer["error"] == "The run wrote more than 20000 bytes (server.max_run_output_bytes)"
        run = served.json("GET", f"/api/v1/runs/{answer['run_id']}")
        assert (run["state"], run["stop_cause"], run["error"]["code"]) == (
            "failed",
            "output_limit",
            "output_limit",
        )
        assert len(answer["output"]) < 5000000
        assert served.prompt("/big 5")["exit_code"] == 0
    finally:
        served.end()
