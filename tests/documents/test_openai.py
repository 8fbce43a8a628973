"""The documents' tables and bodies of the OpenAI API, held against a server that finds no CLI."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.documents import promised
from tests.e2e.conftest import Served

CHAT = "/openai/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello!"}]
FIELDS = promised.fact("chat-fields.json")
MAPPING = promised.fact("model-mapping.json")
DIFFERENCES = promised.fact("openai-differences.json")
# Names as users write them, by what the document says that they contain.
CONTAINING = {
    "claude": ["claude-sonnet-4-5", "anthropic/claude-opus-4-1", "my-Claude"],
    "gpt": ["gpt-5", "openai/gpt-4o", "my-gpt"],
    "gemini": ["gemini-2.5-flash", "google/gemini-2.5-pro", "my-gemini"],
}
VALUES = {
    "temperature": 0.7, "top_p": 0.9, "n": 3, "presence_penalty": 1.5, "frequency_penalty": 1.5,
    "logit_bias": {"50256": -100}, "user": "alice",
}  # fmt: skip
"""Something that could be sent for each field that is documented as ignored.

`max_tokens` is checked, and not named; `stop` is honoured: both have tests of their own.
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    server = Served(home, more={"PATH": str(home)})
    yield server
    server.end()


def chat(served: Served, **fields: Any) -> Any:
    """The answer's head, and its JSON."""
    answer = served.call("POST", CHAT, {"model": "demo", "messages": HELLO, **fields})
    return answer.headers, json.loads(answer.read())


def said(completion: Any) -> str:
    return str(completion["choices"][0]["message"]["content"])


def differing(answer: Any, documented: Any, path: str = "") -> Iterator[str]:
    """Where `answer` lacks what is documented, or has another kind of value there; more than that it may have."""
    if isinstance(documented, Mapping):
        for name, value in documented.items():
            yield from differing(answer[name], value, f"{path}/{name}") if name in answer else (f"{path}/{name}",)
    elif isinstance(documented, list):
        for number, value in enumerate(documented):
            yield from differing(answer[number], value, f"{path}/{number}")
    elif type(answer) is not type(documented):
        yield path


def test_the_list_of_models_begins_with_the_documented_one_to_the_letter(served):
    documented, answer = promised.fact("models.json"), served.json("GET", "/openai/v1/models")
    first, others = answer["data"][:3], answer["data"][3:]
    assert answer | {"data": first} == documented
    assert [model["id"] for model in others] == ["demo"]
    assert [model | {"id": ""} for model in others] == [first[0] | {"id": ""}]


def test_the_documented_request_has_the_documented_response(served):
    asked, documented = promised.fact("chat-request.json"), promised.fact("chat-response.json")
    _, answer = chat(served, **asked | {"model": "demo"})
    assert list(differing(answer, documented)) == []
    assert answer["id"].startswith("chatcmpl-")
    choice, of_document = answer["choices"][0], documented["choices"][0]
    assert len(answer["choices"]) == len(documented["choices"])
    assert (answer["object"], answer["model"]) == (documented["object"], "demo")
    assert (choice["index"], choice["finish_reason"]) == (of_document["index"], of_document["finish_reason"])
    assert choice["message"]["role"] == of_document["message"]["role"]
    assert "no model was asked" in choice["message"]["content"]
    used = answer["usage"]
    assert used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"] > 0


def lines(text: str) -> list[Any]:
    """What a stream of server-sent events says; nothing but data may be in it."""
    events = [event for event in text.split("\n\n") if event]
    assert [event for event in events if not event.startswith("data: ") or "\n" in event] == []
    data = [event.removeprefix("data: ") for event in events]
    return [json.loads(each) if each != "[DONE]" else each for each in data]


def test_a_stream_has_the_documented_chunks_in_their_order(served):
    """The first has an empty `content` besides: some clients read it unasked."""
    documented = lines(promised.fact("chat-stream.txt"))
    answer = served.call("POST", CHAT, {"model": "demo", "messages": HELLO, "stream": True})
    assert answer.headers["Content-Type"].partition(";")[0] == "text/event-stream"
    streamed = lines(answer.read().decode())
    assert streamed[-1] == documented[-1] == "[DONE]"
    (head, *words, tail), (first, *texts, last) = streamed[:-1], documented[:-1]
    told = [(head, first), *((word, texts[0]) for word in words), (tail, last)]
    assert [list(differing(chunk, of_document)) for chunk, of_document in told] == [[]] * len(told)
    assert {chunk["object"] for chunk in streamed[:-1]} == {first["object"]}
    assert len({(chunk["id"], chunk["created"]) for chunk in streamed[:-1]}) == 1
    assert head["choices"][0]["delta"] == first["choices"][0]["delta"] | {"content": ""}
    assert [list(word["choices"][0]["delta"]) for word in words] == [["content"]] * len(words)
    assert len(words) > 5
    assert tail["choices"][0]["delta"] == last["choices"][0]["delta"] == {}
    assert [tail["choices"][0]["finish_reason"], head["choices"][0]["finish_reason"]] == ["stop", None]


@pytest.mark.parametrize("field", [each["field"] for each in FIELDS if each["required"]])
def test_a_field_that_is_documented_as_required_is(field, served):
    _, problem = chat(served, **{field: None})
    assert (problem["status"], problem["error"]["param"]) == (400, field)


def test_no_other_field_is_required():
    assert {each["field"] for each in FIELDS if each["required"]} == {"model", "messages"}


@pytest.mark.parametrize(("field", "value"), VALUES.items())
def test_a_field_that_is_documented_as_ignored_changes_nothing_and_is_named(field, value, served):
    headers, answer = chat(served, **{field: value})
    assert headers["X-Ignored-Params"] == field
    assert "no model was asked" in said(answer)
    assert len(answer["choices"]) == 1


def test_each_field_that_is_documented_as_ignored_has_its_test():
    documented = {each["field"] for each in FIELDS if each["use"].startswith("ignored")}
    assert documented == {*VALUES, "max_tokens", "stop"}


def test_a_limit_of_tokens_binds_nothing_but_has_to_be_one(served):
    _, answer = chat(served, max_tokens=1)
    assert answer["usage"]["completion_tokens"] > 1
    _, problem = chat(served, max_tokens=0)
    assert (problem["status"], problem["error"]["param"]) == (400, "max_tokens")


@pytest.mark.parametrize("stop", [" backend", [" backend", "never"]])
def test_stop_is_honoured_though_the_documents_say_that_it_is_not(stop, served):
    headers, answer = chat(served, stop=stop)
    assert (said(answer), answer["choices"][0]["finish_reason"]) == ("This is clinvk's demo", "stop")
    assert "X-Ignored-Params" not in headers


def test_a_dry_run_runs_nothing_and_shows_the_command(served):
    runs = served.json("GET", "/api/v1/runs")["total"]
    headers, answer = chat(served, dry_run=True)
    assert "democli" in said(answer)
    assert "X-Run-Id" not in headers
    assert served.json("GET", "/api/v1/runs")["total"] == runs


def wanted(served: Served, model: str) -> str:
    """The backend that a model is given to: here its absence tells."""
    _, problem = chat(served, model=model)
    documented = promised.fact("problem.json")
    same = ("type", "title", "status")
    assert [problem[name] for name in same] == [documented[name] for name in same]
    said = documented["detail"].partition("'unknown'")
    assert problem["detail"].startswith(said[0])
    backend, _, rest = problem["detail"].removeprefix(f"{said[0]}'").partition("'")
    assert rest.startswith(said[2])
    return str(backend)


@pytest.mark.parametrize(("model", "backend"), MAPPING["exact"].items())
def test_the_name_of_a_backend_is_that_backend(model, backend, served):
    assert wanted(served, model) == backend


@pytest.mark.parametrize("word", MAPPING["contains"])
def test_a_name_that_contains_a_family_is_its_backend(word, served):
    assert {wanted(served, model) for model in CONTAINING[word]} == {MAPPING["contains"][word]}


def test_any_other_name_is_the_documented_default(served):
    assert {wanted(served, model) for model in ("llama3:8b", "mistral-large", "x")} == {MAPPING["else"]}


@pytest.mark.parametrize("name", DIFFERENCES["not_served"])
def test_what_is_documented_as_not_there_is_not_found(name, served):
    path = {"images": "images/generations", "audio": "audio/speech"}.get(name, name)
    answer = served.call("POST", f"/openai/v1/{path}", {"model": "claude"})
    problem = json.loads(answer.read())
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert CHAT in problem["error"]["message"]


def test_the_models_are_the_documented_ones_of_openais_place(served):
    listed = [model["id"] for model in served.json("GET", "/openai/v1/models")["data"]]
    assert listed[:3] == DIFFERENCES["models"]


def test_an_error_has_the_documented_format_and_what_sdks_read(served):
    assert DIFFERENCES["errors"] == "RFC 7807"
    _, problem = chat(served, messages=[{"role": "user", "content": "/fail"}])
    assert list(differing(problem, promised.fact("problem.json"))) == []
    assert problem["error"]["message"] == problem["detail"]


def test_a_conversation_is_kept_by_nobody(served):
    assert DIFFERENCES["sessions"] == "stateless"
    chat(served)
    assert served.json("GET", "/api/v1/sessions")["total"] == 0
