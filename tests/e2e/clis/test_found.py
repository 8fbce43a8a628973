"""A machine with the CLIs on it needs no configuration."""

import json

import pytest

from clinvk.schemas import Schemas
from tests import clis

EXAMPLES = Schemas().documents["native/prompt-request"]["examples"]


def test_the_server_says_at_its_start_what_it_found(world):
    lines = map(json.loads, world.served.log.read_text().splitlines())
    told = [line["message"] for line in lines if line["logger"] == "clinvk.backends"]
    assert [line.partition(" ")[0] for line in told] == list(clis.NAMES)
    assert all(str(clis.CLIS) in line for line in told)


def test_each_is_available_in_a_version_that_was_tried(world):
    backends = world.served.json("GET", "/api/v1/backends")["backends"]
    assert [backend["name"] for backend in backends] == [*clis.NAMES, "demo"]
    for backend in backends:
        assert backend["available"], backend
        assert "reason" not in backend
        assert backend["capabilities"]["resume"]


def test_health_knows_them_too(world):
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
