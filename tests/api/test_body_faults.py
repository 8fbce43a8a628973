"""Faults of a body: all of them, each with its place and what would be right, in few words whatever was sent."""

import json

import pytest

PROMPT = "/api/v1/prompt"


def paths(reply):
    return {fault["path"] for fault in reply.json["errors"]}


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"/backend": ("is missing", "a value: the field is required"),
              "/prompt": ("is missing", "a value: the field is required")}),
        ({"backend": 1, "prompt": ["x"]}, {"/backend": ("1 has the wrong type", "a string"),
                                           "/prompt": ('["x"] has the wrong type', "a string")}),
        ({"backend": "", "prompt": ""}, {"/backend": ('"" is too short', "some text"),
                                         "/prompt": ('"" is too short', "some text")}),
        ({"approval_mode": "nonne"}, {"/approval_mode": (
            '"nonne" is not one of the values allowed',
            'perhaps "none": one of "default", "auto", "none", "always"')}),
        ({"approval_mode": "ALWAYS"}, {"/approval_mode": (
            '"ALWAYS" is not one of the values allowed',
            'perhaps "always": one of "default", "auto", "none", "always"')}),
        ({"approval_mode": "never"}, {"/approval_mode": (
            '"never" is not one of the values allowed', 'one of "default", "auto", "none", "always"')}),
        ({"sandbox_mode": None}, {"/sandbox_mode": (
            "null is not one of the values allowed", 'one of "default", "read-only", "workspace", "full"')}),
        ({"sandbox_mode": ["full"]}, {"/sandbox_mode": (
            '["full"] is not one of the values allowed', 'one of "default", "read-only", "workspace", "full"')}),
        ({"max_turns": 0}, {"/max_turns": ("0 is too small", "at least 1")}),
        ({"max_tokens": 1.5}, {"/max_tokens": ("1.5 has the wrong type", "an integer")}),
        ({"max_tokens": True}, {"/max_tokens": ("true has the wrong type", "an integer")}),
        ({"timeout_secs": 0}, {"/timeout_secs": ("0 is too small", "more than 0")}),
        ({"timeout_secs": 1e9}, {"/timeout_secs": ("1000000000.0 is too large", "at most 31536000")}),
        ({"timeout_secs": "60"}, {"/timeout_secs": ('"60" has the wrong type', "a number")}),
        ({"dry_run": "yes"}, {"/dry_run": ('"yes" has the wrong type', "a boolean")}),
        ({"extra": ["a"] * 65}, {"/extra": ('["a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a", "a"… has'
                                            " too many items", "at most 64 items")}),
        ({"extra": ["fine", 2, "fine", {}]}, {"/extra/1": ("2 has the wrong type", "a string"),
                                              "/extra/3": ("{} has the wrong type", "a string")}),
        ({"metadata": {"a/b~c": 1}}, {"/metadata/a~1b~0c": ("1 has the wrong type", "a string")}),
        ({"metadata": {f"key {n:02}": "" for n in range(65)}}, {"/metadata": (
            '{"key 00": "", "key 01": "", "key 02": "", "key 03": "", "k… has too many entries',
            "at most 64 entries")}),
        ({"metadata": {"n" * 64: "v" * 512, "m" * 65: "v", "long": "v" * 513}}, {
            "/metadata/" + "m" * 65: ('has a name that is not allowed: "' + "m" * 40 + '…" is too long',
                                      "at most 64 characters"),
            "/metadata/long": ('"' + "v" * 40 + '…" is too long', "at most 512 characters")}),
        ({"metadata": []}, {"/metadata": ("[] has the wrong type", "an object")}),
        ({"model": "a\x00b"}, {"/model": ('"a\\u0000b" has the wrong form', "text without NUL characters")}),
        ({"maxTurns": 1}, {"/maxTurns": ("is not a known field", "perhaps 'max_turns'")}),
        ({"promt": "hi"}, {"/promt": ("is not a known field", "perhaps 'prompt'")}),
        ({"tiemout_secs": 1, "zzz": 2}, {
            "/tiemout_secs": ("is not a known field", "perhaps 'timeout_secs'"),
            "/zzz": ("is not a known field", "a field of the schema: backend, prompt, model, workdir, session_id,"
                     " ephemeral, approval_mode, sandbox_mode, output_format, max_tokens, max_turns,"
                     " system_prompt, verbose, dry_run, extra, metadata, timeout_secs, linger_secs, detach")}),
    ],
)  # fmt: skip
async def test_every_fault_is_told_with_its_place_and_what_would_be_right(server, body, faults):
    whole = body if "backend" in body or not body else {"backend": "demo", "prompt": "/hang", **body}
    reply = await server.fetch(PROMPT, whole)
    assert (reply.status, reply.json["type"]) == (400, "https://api.clinvk.dev/errors/invalid-request")
    told = {fault["path"]: (fault["message"], fault["expected"]) for fault in reply.json["errors"]}
    assert told == faults
    assert len(reply.json["errors"]) == len(faults)
    assert server.supervisor.journal.length == 0


async def test_all_faults_of_a_body_are_told_at_once(server):
    body = {"prompt": 1, "promt": "x", "workdir": "here", "max_turns": 0, "metadata": {"a": 1, "b": None}}
    reply = await server.fetch(PROMPT, body)
    assert paths(reply) == {
        "/backend", "/prompt", "/promt", "/workdir", "/max_turns", "/metadata/a", "/metadata/b",
    }  # fmt: skip
    assert all(fault["path"] in reply.json["detail"] for fault in reply.json["errors"])
    assert reply.json["error"]["param"] in {path.lstrip("/").replace("/", ".") for path in paths(reply)}


PLAIN = b'{"backend": "demo", "prompt": "x"}'


def with_field(field):
    return PLAIN[:-1] + b", " + field + b"}"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"{", "is not JSON: unexpected end of data at line 1, column 2"),
        (PLAIN[:-1], "is not JSON: unexpected end of data at line 1, column 34"),
        (b"{'backend': 'demo'}", "is not JSON: unexpected character, expected a string key at line 1, column 2"),
        (b"backend=demo", "is not JSON: unexpected character, expected a JSON value at line 1, column 1"),
        (PLAIN + b"\n{}", "is not JSON: unexpected content after document at line 2, column 1"),
        (PLAIN[:-1] + b",}", "is not JSON: trailing comma is not allowed at line 1, column 34"),
        (b'{"prompt": "\xff"}', "is not JSON: byte 12 is not UTF-8"),
        (b"\x1f\x8b\x08\x00", "is not JSON: byte 1 is not UTF-8"),
        (b"\xef\xbb\xbf" + PLAIN, "is not JSON: it begins with a byte order mark"),
        (b'{"prompt": "\\ud800"}', "is not JSON: no low surrogate in string at line 1, column 13"),
        (b'{"prompt": "\x01"}', "is not JSON: unexpected control character in string at line 1, column 13"),
        (with_field(b'"max_turns": 05'),
         "is not JSON: number with leading zero is not allowed at line 1, column 49"),
        (with_field(b'"timeout_secs": NaN'), "is not JSON: NaN, which is no number, at line 1, column 52"),
        (with_field(b'"timeout_secs": -Infinity'),
         "is not JSON: Infinity, which is no number, at line 1, column 53"),
        (with_field(b'"timeout_secs": 1e400'),
         "is not JSON: a number beyond what a double can hold at line 1, column 52"),
        (with_field(b'"max_turns": 1' + b"0" * 400),
         "is not JSON: a number beyond what a double can hold at line 1, column 49"),
        (b"[" * 65 + b"]" * 65, "is nested deeper than 64 levels"),
        (b'{"a":' * 1500 + b"1" + b"}" * 1500, "is nested deeper than 64 levels"),
        (b"[" * 100_000, "is nested deeper than 64 levels"),
    ],
)  # fmt: skip
async def test_what_is_not_json_in_utf8_is_a_fault_of_the_whole_body(server, data, why):
    reply = await server.fetch(PROMPT, data=data)
    assert (reply.status, reply.json["error"]["param"]) == (400, None)
    assert reply.json["errors"] == [{"path": "", "message": why, "expected": "one JSON object in UTF-8"}]
    assert reply.json["detail"] == f"the body {why} (expected one JSON object in UTF-8)"


@pytest.mark.parametrize("value", [None, [], "a string", 1, True, [{"backend": "demo", "prompt": "x"}]])
async def test_json_that_is_no_object_is_a_fault_of_the_whole_body(server, value):
    reply = await server.fetch(PROMPT, data=json.dumps(value).encode())
    assert (reply.status, paths(reply)) == (400, {""})
    assert reply.json["errors"][0]["expected"] == "an object"


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (b'"prompt": "y"', "/prompt"),
        (b'"pr\\u006fmpt": "y"', "/prompt"),
        (b'"metadata": {"a": "1", "b": "2", "a": "1"}', "/metadata/a"),
        (b'"metadata": {"a/b": "1", "a/b": "2", "a/b": "3"}', "/metadata/a~1b"),
    ],
)
async def test_a_field_that_stands_twice_is_refused_by_name(server, field, path):
    reply = await server.fetch(PROMPT, data=with_field(field))
    assert reply.status == 400
    assert reply.json["errors"] == [
        {"path": path, "message": "stands in its object more than once", "expected": "each field once"}
    ]
    assert server.supervisor.journal.length == 0


async def test_a_doubtful_body_is_told_its_other_faults_too(server):
    field = b'"prompt": "y", "max_turns": 18446744073709551616, "sandbox_mode": "ful"'
    reply = await server.fetch(PROMPT, data=with_field(field))
    assert {fault["path"]: (fault["message"], fault["expected"]) for fault in reply.json["errors"]} == {
        "/prompt": ("stands in its object more than once", "each field once"),
        "/max_turns": (
            "18446744073709551616 is too large", "at most 2147483647"
        ),
        "/sandbox_mode": (
            '"ful" is not one of the values allowed',
            'perhaps "full": one of "default", "read-only", "workspace", "full"',
        ),
    }  # fmt: skip


@pytest.mark.parametrize("number", [b"1e30", b"2147483648", b"9223372036854775807", b"1" + b"0" * 300])
async def test_a_number_beyond_what_a_cli_can_take_is_refused(server, number):
    reply = await server.fetch(PROMPT, data=with_field(b'"max_turns": ' + number))
    assert (reply.status, paths(reply)) == (400, {"/max_turns"})


@pytest.mark.parametrize("many", [10, 100, 1000, 90_000])
async def test_of_many_faults_some_are_told_and_the_rest_counted(server, many):
    body = {"backend": "demo", "prompt": "x", **{f"field {n}": n for n in range(many)}}
    reply = await server.fetch(PROMPT, body)
    assert reply.status == 400
    told = [fault for fault in reply.json["errors"] if fault["path"]]
    assert [fault["path"] for fault in told] == [f"/field {n}" for n in range(min(many, 50))]
    rest = {10: [], 100: ["has 50 more faults"]}.get(many, ["has at least 150 more faults"])
    assert [fault["message"] for fault in reply.json["errors"] if not fault["path"]] == rest
    assert len(reply.body) < 50_000


@pytest.mark.parametrize(
    "data",
    [
        with_field(b'"extra": [' + b"1," * 1_000_000 + b"1]"),
        with_field(b'"metadata": {' + b",".join(b'"%d": 1' % n for n in range(300_000)) + b"}"),
        with_field(b'"' + b"name" * 1_000_000 + b'": 1'),
        with_field(b'"max_turns": "' + b"five" * 1_000_000 + b'"'),
        with_field(b'"prompt": "y", ' * 300_000 + b'"prompt": "z"'),
    ],
)
async def test_a_large_body_that_is_wrong_all_over_gets_a_small_answer(server, data):
    reply = await server.fetch(PROMPT, data=data)
    assert (reply.status, len(reply.body) < 50_000) == (400, True)


@pytest.mark.parametrize("secret", ["sk-ant-api03-0123456789", "ghp_0123456789abcdef", "0123456789abcdef" * 2])
async def test_what_looks_like_a_secret_is_not_repeated(server, secret):
    reply = await server.prompt("x", max_turns=secret)
    assert (reply.status, paths(reply)) == (400, {"/max_turns"})
    assert secret[:8] not in reply.body.decode()


async def test_a_long_text_in_the_wrong_place_is_cut_short(server):
    reply = await server.prompt("x", max_turns="a word and " * 100)
    assert len(reply.json["errors"][0]["message"]) < 100
