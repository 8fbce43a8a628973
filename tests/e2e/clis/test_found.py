"""A machine with the CLIs on it needs no configuration."""

import json

import pytest

from clinvk.schemas import Schemas
from tests import clis
from tests.e2e.conftest import until

EXAMPLES = Schemas().documents["native/prompt-request"]["examples"]


def said(world):
    """What it has logged of the CLIs so far, in whole lines."""
    lines = map(json.loads, world.served.log.read_text().rpartition("\n")[0].splitlines())
    return [line["message"] for line in lines if line["logger"] == "clinvk.backends"]


def test_the_server_says_at_its_start_what_it_found(world):
    told = until(lambda: lines if len(lines := said(world)) >= len(clis.NAMES) else [])
    assert sorted(line.partition(" ")[0] for line in told) == list(clis.NAMES), "late ones come later"
    assert all(str(clis.CLIS) in line for line in told)


def test_each_is_available_in_a_version_that_was_tried(world):
    backends = world.served.json("GET", "/api/v1/backends")["backends"]
    assert [backend["name"] for backend in backends] == [*clis.NAMES, "demo"]
    for backend in backends:
        assert backend["available"], backend
        assert "reason" not in backend
        assert backend["capabilities"]["resume"]


def test_health_knows_them_too(world):
    world.served.json("GET", "/api/v1/backends")  # answered once they were looked for
    backends = world.served.json("GET", "/health")["backends"]
    assert {backend["name"] for backend in backends if backend["available"]} == {*clis.NAMES, "demo"}


def test_a_dry_run_shows_the_program_and_not_the_prompt(world, backend):
    shown = world.served.prompt("a quiet word", backend=backend, dry_run=True)
    assert str(clis.CLIS) in " ".join(shown["command"]["argv"])
    assert "a quiet word" not in str(shown)


@pytest.mark.parametrize("body", [body for body in EXAMPLES if body["backend"] != "demo"])
def test_every_example_for_a_real_cli_is_answered(world, body):
    answer = world.ask(**body)
    assert (answer["exit_code"], answer["output"]) == (0, f"you said: {body['prompt']}")
