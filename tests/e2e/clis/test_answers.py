"""What a user gets from the real CLIs when all is well."""

import json

import pytest

from tests import ndjson
from tests.e2e.clis import stored
from tests.e2e.clis.conftest import PATIENCE

PIECES = 12


def of_type(events, kind):
    return [event for event in events if event["type"] == kind]


def text_of(events):
    return "".join(event["text"] for event in of_type(events, "text.delta"))


def test_a_prompt_is_answered(world, backend):
    answer = world.ask(backend, f"hello {backend}")
    assert (answer["exit_code"], answer["output"]) == (0, f"you said: hello {backend}")
    usage = answer["token_usage"]
    assert usage["input_tokens"] > usage["output_tokens"] > 0
    assert len(world.requests(f"hello {backend}")) == 1


def test_a_run_tells_which_version_ran_and_how(world, backend):
    answer = world.ask(backend, "version please")
    run = world.run(answer["run_id"])
    assert run["command"]["version"].count(".") == 2
    assert "version please" not in " ".join(run["command"]["argv"])
    assert run["start"] == "cold"


def test_text_comes_as_the_model_says_it(world, backend):
    """Of what it says, it says more only when that was heard which it has said."""
    asked, events, more = f"bit by bit {backend}", [], iter(range(PIECES - 1))
    for event in ndjson.events(world.stream(backend, f"{asked} [[deltas={PIECES} step=1]]")):
        events.append(event)
        if event["type"] == "text.delta" and next(more, None) is not None:
            (entry,) = world.requests(asked)
            assert "done" not in entry
            world.go_on(entry)
    assert len(of_type(events, "text.delta")) > 5
    assert [event["text"] for event in of_type(events, "text.done")] == [text_of(events)]
    assert events[-1]["type"] == "run.finished"
    assert events[-1]["state"] == "completed"


def test_reasoning_is_told_apart_from_the_answer(world, backend):
    events = world.events(backend, f"hard question {backend} [[think=1]]")
    assert "thinking" in "".join(event["text"] for event in of_type(events, "reasoning.delta"))
    assert "thinking" not in text_of(events)


def test_a_tool_is_used_and_told(world, backend, workdir):
    prompt = f"read [[tool=read path={workdir}/README.md]]"
    events = world.events(backend, prompt, workdir=str(workdir))
    (started,), (done,) = of_type(events, "tool.started"), of_type(events, "tool.done")
    assert started["tool_id"] == done["tool_id"]
    assert done["ok"] is True
    assert "read me" in done["output"] if backend != "gemini" else "output" not in done  # it does not tell
    assert "README.md" in started["input"]
    assert text_of(events[events.index(done) :]).startswith("tool said:")


def test_the_answer_is_what_was_said_after_the_last_tool(world, backend, workdir):
    answer = world.ask(backend, f"read [[tool=read path={workdir}/README.md]]", workdir=str(workdir))
    assert answer["output"].startswith("tool said:")
    assert "read me" in answer["output"]


def test_the_model_sees_the_system_prompt_beside_the_clis_own(world, backend):
    asked = f"system test {backend}"
    world.ask(backend, asked, system_prompt="Always answer as Captain Nemo would.")
    (entry,) = world.requests(asked)
    body = world.body(entry)
    assert "Always answer as Captain Nemo would." in body
    assert entry["bytes"] > 15_000, "the CLI's own system prompt is still there"


def test_a_megabyte_of_prompt_arrives_whole(world, backend):
    prompt = f"big {backend} " + " ".join(map(str, range(160_000))) + " the end"
    assert len(prompt) > 1_000_000
    answer = world.ask(backend, prompt)
    assert f"{len(prompt)} characters" in answer["output"]
    (entry,) = world.requests(f"big {backend}")
    assert json.dumps(prompt)[1:-1] in world.body(entry)


@pytest.mark.parametrize(
    "prompt", ["/clear and go on", "/about", "/memory show", "--version please", "-p", "!ls", "#note", "$x"]
)
def test_a_prompt_is_text_and_nothing_else(world, backend, prompt):
    said = f"{prompt} ({backend})"
    answer = world.ask(backend, said)
    # What could be a command begins with a blank: a plain one, or for gemini one of no width.
    assert answer["output"].replace("\u200b", "") == f"you said: {said}"
    assert len(world.requests(said)) == 1


def test_a_path_in_a_prompt_is_not_read(world, backend, workdir):
    (workdir / "secret.txt").write_text("the-secret-words")
    for asked in (f"@secret.txt {backend}", f"look at @{workdir}/secret.txt {backend}"):
        answer = world.ask(backend, asked, workdir=str(workdir))
        assert answer["output"] == f"you said: {asked}"
        (entry,) = world.requests(asked)
        assert "the-secret-words" not in world.body(entry)


def test_the_model_is_the_one_asked_for(world, backend):
    model = {"claude": "claude-haiku-4-5", "codex": "gpt-5.4", "gemini": "gemini-2.5-pro"}[backend]
    asked = f"which model {backend}"
    world.ask(backend, asked, model=model)
    assert {entry["model"] for entry in world.requests(asked)} == {model}


def test_an_agent_that_goes_on_and_on_is_stopped_at_max_turns(world, backend, workdir):
    prompt = f"on and on {backend} [[tool=read tools=9 path={workdir}/README.md ttft=2]]"
    answer = world.ask(backend, prompt, workdir=str(workdir), max_turns=2)
    assert answer["exit_code"] == 1
    assert "max_turns" in answer["error"]
    assert world.run(answer["run_id"])["error"]["code"] == "max_turns"
    # What begins the third is the sign that the second was not enough; gemini may be one further by then. What is
    # answered after two seconds only leaves us the time to stop it.
    assert len(world.requests(f"on and on {backend}")) <= (4 if backend == "gemini" else 3)


def test_enough_turns_are_enough(world, backend, workdir):
    prompt = f"twice {backend} [[tool=read tools=2 path={workdir}/README.md]]"
    answer = world.ask(backend, prompt, workdir=str(workdir), max_turns=3)
    assert (answer["exit_code"], answer.get("error")) == (0, None)


def test_an_ephemeral_run_leaves_no_conversation_behind(world, backend):
    said = f"forget this {backend} word"
    world.ask(backend, said, ephemeral=True)
    world.nothing_left()
    assert stored.holding(world.home, said, databases=True) == []


def test_more_runs_than_one_at_once_keep_their_answers_apart(world, backend):
    ids = [
        world.served.prompt(
            f"number {n} of {backend} [[deltas=8 delay=0.05]]", **world.fields(backend, {}), detach=True
        )["id"]
        for n in range(3)
    ]
    for n, run_id in enumerate(ids):
        events = world.served.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
        said = list(ndjson.events(events))
        assert text_of(said).startswith(f"you said: number {n} of {backend}")
    assert PATIENCE
