"""Users of the official SDKs who do not wait for the end: no run outlives the wish for it."""

from tests.sdks.bench import Ask

PATIENCE = 5
"""Seconds of a client that gives up: by then its run has begun, on a slow machine too."""
TIMED_OUT = {"openai-node": "APIConnectionTimeoutError", "anthropic-node": "APIConnectionTimeoutError"}


def test_the_run_of_a_client_that_timed_out_is_stopped(surface, runs):
    error = surface.ask("create", Ask(f"/hang {runs.mark}"), timeout=PATIENCE, max_retries=0)["error"]
    assert error["class"] == TIMED_OUT.get(surface.client, "APITimeoutError")
    run = runs.only()
    assert (run["state"], run["stop_cause"]) == ("cancelled", "disconnect")


def test_the_run_of_a_stream_that_is_left_is_stopped(surface, runs):
    seen = surface.ask("leave", Ask(f"/steady 4 60 {runs.mark}"))
    assert len(seen["pieces"]) == 2
    run = runs.ended(seen["headers"]["x-run-id"])
    assert (run["state"], run["stop_cause"]) == ("cancelled", "disconnect")
    assert runs.only()["id"] == run["id"]
