"""The stand-in for the model providers does what its docstring says: real HTTP, each provider's own shapes."""

import gzip
import http.client
import json
import time
from collections.abc import Iterator

import pytest

from tests.modelstub.client import TIMEOUT, Client, deltas, parts_of, request, running, whole_text

PROVIDERS = ["anthropic", "openai", "chat", "gemini"]
AT_THE_LIMIT = dict(zip(PROVIDERS, ["max_tokens", "max_output_tokens", "length", "MAX_TOKENS"], strict=True))
FAST_ENOUGH = TIMEOUT  # a megabyte takes some hundredths of a second, on a machine with nothing else to do


@pytest.fixture(scope="module")
def server() -> Iterator[Client]:
    with running() as client:
        yield client


@pytest.fixture
def stub(server: Client) -> Client:
    server.send("POST", "/__stub/reset")
    return server


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_plain_prompt_is_said_back(stub, provider):
    assert whole_text(provider, stub.whole(provider, "hello there")) == "you said: hello there"
    pieces = deltas(provider, stub.ask(provider, "a prompt of some words").events)
    assert "".join(pieces) == "you said: a prompt of some words"
    assert len(pieces) == 4


def test_a_long_prompt_is_said_back_to_200_characters_and_counted(stub):
    said = whole_text("openai", stub.whole("openai", "x" * 201))
    assert said == f"you said: {'x' * 200} … (201 characters)"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_answer_has_the_pieces_and_the_size_wanted(stub, provider):
    pieces = deltas(provider, stub.ask(provider, "hi [[deltas=17 size=3000]]").events)
    assert len(pieces) == 17
    assert 3000 <= len("".join(pieces)) < 3010
    assert "".join(pieces).startswith("you said: hi w3 w4")


def test_delay_and_ttft_are_kept(stub):
    started = time.monotonic()
    stub.ask("openai", "hi [[deltas=3 delay=0.1 ttft=0.2]]")
    assert time.monotonic() - started >= 0.4
    entry = stub.log()[-1]
    assert entry["done"] - entry["t"] >= 0.4
    assert started < entry["t"] < time.monotonic()


def test_a_bracket_that_is_no_directive_belongs_to_the_prompt(stub):
    for bracket in ("[[dleay=1]]", "[[deltas=many]]", "[[error=999]]", "[[ -f x ]]", "[[]]", "[[tool=saw]]"):
        assert whole_text("chat", stub.whole("chat", bracket)) == f"you said: {bracket}"


def test_the_last_directive_counts(stub):
    said = stub.ask("openai", "hi [[deltas=9]] [[deltas=2]]").events
    assert deltas("openai", said) == ["you", " said: hi"]


def test_reasoning_comes_first(stub):
    events = stub.ask("anthropic", "hi [[think=1]]").events
    kinds = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert kinds == ["thinking", "text"]
    items = stub.ask("openai", "hi [[think=1]]").events[-1]["response"]["output"]
    assert [item["type"] for item in items] == ["reasoning", "message"]
    parts = [part for event in stub.ask("gemini", "hi [[think=1]]").events for part in parts_of(event)]
    assert [part.get("thought", False) for part in parts[:2]] == [True, False]


@pytest.mark.parametrize(("provider", "reason"), list(AT_THE_LIMIT.items()))
def test_an_answer_can_end_at_the_token_limit(stub, provider, reason):
    for stream in (True, False):
        assert f'"{reason}"' in stub.ask(provider, "hi [[stop=length]]", stream).body.decode()
        assert f'"{reason}"' not in stub.ask(provider, "hi", stream).body.decode()


def test_claude_is_asked_to_use_its_tool_and_told_what_it_said(stub):
    tools = [{"name": "Read"}, {"name": "Bash"}]
    prompt = "go [[tool=shell cmd=echo%20hi tools=2]]"
    call = stub.whole("anthropic", prompt, tools=tools)
    assert (call["stop_reason"], call["content"][1]["name"]) == ("tool_use", "Bash")
    assert call["content"][1]["input"]["command"] == "echo hi"
    events = stub.ask("anthropic", prompt, tools=tools).events
    arguments = [event["delta"]["partial_json"] for event in events if "partial_json" in event.get("delta", {})]
    assert json.loads("".join(arguments)) == call["content"][1]["input"]
    result = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "it said hi"}]}
    note = {"type": "text", "text": "a note beside the result"}
    messages = [{"role": "user", "content": prompt}, {"role": "user", "content": [result, note]}]
    assert stub.whole("anthropic", prompt, tools=tools, messages=messages)["stop_reason"] == "tool_use"
    messages.append({"role": "user", "content": [result | {"content": "hi <system-reminder>x</system-reminder>"}]})
    last = stub.whole("anthropic", prompt, tools=tools, messages=messages)
    assert whole_text("anthropic", last) == "tool said: hi"


def test_codex_is_asked_to_use_its_tool_and_told_what_it_said(stub):
    prompt = {"role": "user", "content": [{"type": "input_text", "text": "go [[tool=write path=/w/f]]"}]}
    offer = {"type": "additional_tools", "tools": [{"type": "namespace", "tools": [{"name": "apply_patch"}]}]}
    events = stub.ask("openai", "", input=[offer, prompt]).events
    call = events[-1]["response"]["output"][0]
    assert (call["type"], call["name"]) == ("custom_tool_call", "apply_patch")
    assert "*** Add File: /w/f" in call["input"]
    result = {"type": "custom_tool_call_output", "output": "patched"}
    said = stub.whole("openai", "", input=[offer, prompt, result])
    assert whole_text("openai", said) == "tool said: patched"
    read = stub.whole("openai", "go [[tool=read path=/w/f]]", tools=[{"name": "exec_command"}])["output"][0]
    assert json.loads(read["arguments"])["cmd"] == "cat /w/f"


def test_gemini_is_asked_to_use_its_tool_and_told_what_it_said(stub):
    tools = [{"functionDeclarations": [{"name": "run_shell_command"}]}]
    events = stub.ask("gemini", "go [[tool=shell cmd=ls]]", tools=tools).events
    assert parts_of(events[0])[0]["functionCall"]["args"]["command"] == "ls"
    result = {"functionResponse": {"name": "run_shell_command", "response": {"output": "a b"}}}
    contents = [{"parts": [{"text": "go [[tool=shell]]"}]}, {"role": "model"}, {"role": "user", "parts": [result]}]
    assert deltas("gemini", stub.ask("gemini", "", contents=contents).events)[0] == "tool"


def test_a_chat_is_asked_to_use_a_tool_that_it_did_not_offer(stub):
    message = stub.whole("chat", "go [[tool=shell]]")["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["name"] == "shell"
    messages = [{"role": "user", "content": "go [[tool=shell]]"}, {"role": "tool", "content": "done"}]
    said = stub.whole("chat", "", messages=messages)
    assert whole_text("chat", said) == "tool said: done"


def test_what_a_cli_adds_to_a_prompt_is_no_prompt(stub):
    content = [{"type": "text", "text": "<system-reminder> [[error=500]]"}, {"type": "text", "text": "hello"}]
    answer = stub.ask("anthropic", "", stream=False, messages=[{"role": "user", "content": content}])
    assert whole_text("anthropic", answer.json) == "you said: hello"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503, 529])
def test_an_error_has_its_status_and_the_shape_of_its_provider(stub, provider, status):
    heard = stub.ask(provider, f"hi [[error={status}]]")
    assert heard.status == status
    assert heard.json["error"]["message"] == f"stub error {status}"
    if provider == "anthropic":
        assert heard.json["error"]["type"].endswith("_error")
    assert stub.log()[-1]["error"] == str(status)


def test_the_wait_after_a_429_is_named(stub):
    prompt = "hi [[error=429 retry_after=2.5]]"
    assert stub.ask("anthropic", prompt).headers["retry-after"] == "2.5"
    assert stub.ask("gemini", prompt).json["error"]["details"][0]["retryDelay"] == "2.5s"


def test_a_used_up_limit_says_when_it_ends_as_each_provider_does(stub):
    prompt = "hi [[usage_limit=3600]]"
    claude = stub.ask("anthropic", prompt)
    assert claude.status == 429
    assert abs(int(claude.headers["anthropic-ratelimit-unified-reset"]) - time.time() - 3600) < TIMEOUT
    codex = stub.ask("openai", prompt).json["error"]
    assert (codex["type"], codex["resets_in_seconds"]) == ("usage_limit_reached", 3600)
    gemini = stub.ask("gemini", prompt).json["error"]
    assert [detail["@type"].rpartition(".")[2] for detail in gemini["details"]] == ["QuotaFailure", "RetryInfo"]
    assert gemini["details"][1]["retryDelay"] == "3600s"


def test_an_error_of_a_few_times_heals(stub):
    prompt = "hi [[error=503 times=2]]"
    assert [stub.ask("openai", prompt).status for _ in range(3)] == [503, 503, 200]
    assert stub.ask("openai", "another" + prompt).status == 503
    stub.send("POST", "/__stub/reset")
    assert stub.ask("openai", prompt).status == 503


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_can_break_with_an_error_event(stub, provider):
    events = stub.ask(provider, "hi [[error=stream]]").events
    assert deltas(provider, events) == ["you"]
    assert "verloaded" in json.dumps(events[-1])


@pytest.mark.parametrize("error", ["drop", "dropmid"])
def test_a_connection_can_be_dropped(stub, error):
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        stub.ask("anthropic", f"hi [[error={error}]]")


@pytest.mark.parametrize(("error", "begins"), [("hang", False), ("hangmid", True)])
def test_a_hang_lasts_until_the_client_leaves(stub, error, begins):
    path, body = request("openai", f"hi [[error={error}]]", stream=True)
    connection = stub.connect()
    connection.request("POST", path, json.dumps(body))
    response = connection.getresponse() if begins else None
    while response and b"text.delta" not in response.readline():
        pass
    connection.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        response.read() if response else connection.getresponse()
    connection.close()
    assert "done" not in stub.log()[-1]


def test_garbage_is_not_the_protocol(stub):
    heard = stub.ask("gemini", "hi [[error=garbage]]")
    assert (heard.status, heard.body) == (200, b"<html>not the protocol</html>")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_bad_key_is_refused_and_an_unknown_model_is_not_found(stub, provider):
    path, body = request(provider, "hi", stream=True)
    header = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}.get(provider, "authorization")
    refused = stub.send("POST", path, body, **{header: "a-bad-key"})
    expected = (400, True) if provider == "gemini" else (401, False)
    assert (refused.status, b"API_KEY_INVALID" in refused.body) == expected
    path, body = request(provider, "hi", True, model="no-such-model")
    assert stub.send("POST", path, body).status == 404


def test_tokens_are_counted_and_models_listed(stub):
    body = {"messages": ["x" * 102]}
    assert stub.send("POST", "/v1/messages/count_tokens", body).json == {"input_tokens": 30}
    assert stub.send("POST", "/v1beta/models/m:countTokens", body).json == {"totalTokens": 30}
    assert stub.send("GET", "/v1/models").json["data"][0]["id"] == "stub-model"


def test_an_answer_to_a_schema_fits_it(stub):
    fields = {"who": {"type": "STRING", "enum": ["user"]}, "n": {"type": "integer"}}
    schema = {"type": "OBJECT", "properties": fields}
    settings = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    answer = stub.whole("gemini", "hi", generationConfig=settings)
    assert json.loads(whole_text("gemini", answer)) == {"who": "user", "n": 1}


def test_a_websocket_is_refused_so_that_codex_falls_back(stub):
    heard = stub.send("GET", "/v1/responses", connection="upgrade", upgrade="websocket")
    assert (heard.status, heard.json["error"]["message"]) == (426, "the stub has no WebSocket")


@pytest.mark.parametrize("line", ["GET /", "HEAD /", "POST /v1/embeddings", "GET /v1/messages"])
def test_what_no_cli_needs_is_not_found_and_logged(stub, line):
    method, path = line.split()
    heard = stub.send(method, path)
    assert heard.status == 404
    assert method == "HEAD" or heard.json["error"]["message"] == f"the stub has no {method} {path}"
    assert [(entry["method"], entry["path"], entry["error"]) for entry in stub.log()] == [(method, path, "404")]
    assert stub.send("GET", "/__stub/nothing").status == 404


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b'{"messages": 1}', b'{"messages": ["x"]}'])
def test_what_cannot_be_read_is_refused(stub, body):
    assert stub.send("POST", "/v1/messages", body).status == 400
    assert stub.log()[-1]["error"] == "unreadable"


def test_the_log_tells_what_came_and_a_body_is_kept_to_the_byte(stub):
    raw = b'{ "system": "be brief",  "input": "hello [[deltas=1]]", "tools": [{"name": "t"}] }'
    stub.send("POST", "/v1/responses", raw)
    entry = stub.log()[-1]
    told = ("method", "path", "bytes", "stream", "prompt", "turns", "results", "tools", "error")
    expected = ["POST", "/v1/responses", len(raw), False, "hello [[deltas=1]]", 1, 0, 1, None]
    assert [entry[name] for name in told] == expected
    assert stub.send("GET", f"/__stub/request/{entry['seq']}").body == raw
    assert stub.send("GET", f"/__stub/log?since={entry['seq']}").json == []
    assert [one["seq"] for one in stub.send("GET", f"/__stub/log?since={entry['seq'] - 1}").json] == [entry["seq"]]
    stub.send("POST", "/__stub/reset")
    assert stub.log() == []
    assert stub.send("GET", f"/__stub/request/{entry['seq']}").status == 404


def test_a_prompt_of_a_megabyte_is_quick(stub):
    prompt = "[[ word ]] " * 95_326
    started = time.monotonic()
    for provider in PROVIDERS:
        assert f"({len(prompt) - 1} characters)" in "".join(deltas(provider, stub.ask(provider, prompt).events))
    assert time.monotonic() - started < FAST_ENOUGH


def test_one_connection_carries_many_requests_and_the_newest_2000_are_kept(stub):
    connection = stub.connect()
    for _ in range(2003):
        connection.request("GET", "/v1/models")
        connection.getresponse().read()
    connection.close()
    log = stub.log()
    assert len(log) == 2000
    assert log[-1]["seq"] - log[0]["seq"] == 1999


def test_a_body_may_come_in_chunks_and_zipped(stub):
    body = gzip.compress(json.dumps({"input": "hello"}).encode())
    connection = stub.connect()
    headers = {"content-encoding": "gzip", "transfer-encoding": "chunked"}
    connection.request("POST", "/v1/responses", iter([body[:5], body[5:]]), headers, encode_chunked=True)
    assert whole_text("openai", json.loads(connection.getresponse().read())) == "you said: hello"
    connection.close()
