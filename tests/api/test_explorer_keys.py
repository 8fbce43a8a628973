"""/docs of a server that asks for keys."""

import json
import re
import subprocess
import sys
from html import unescape

from clinvk.api.explorer import page
from tests.api.locks import lock


async def test_where_keys_are_asked_for_the_commands_that_need_one_take_it_from_the_environment(server):
    shown = 'Authorization: Bearer $CLINVK_API_KEY"'
    assert "data-keys" not in (await server.fetch("/docs")).body.decode()
    assert shown not in unescape((await server.fetch("/docs")).body.decode())
    page_of_keys = unescape((await lock(server).fetch("/docs")).body.decode())
    commands = re.findall("<pre><code>(curl .*?)</code>", page_of_keys, re.DOTALL)
    assert {shown in each for each in commands if "/api/v1/" in each or "/openai/" in each} == {True}
    assert {shown in each for each in commands if each.endswith(("/health", "/openapi.json", "/docs"))} == {False}
    assert "data-keys" in page_of_keys


def test_a_shell_fills_the_key_in_and_nothing_else():
    """Whatever the address is."""
    body = {"content": {"application/json": {"examples": {"1": {"value": {"prompt": "$HOME"}}}}}}
    operation = {
        "operationId": "op", "summary": "", "tags": ["t"], "responses": {}, "requestBody": body,
        "security": [{"bearer": []}],
    }  # fmt: skip
    document = {"tags": [{"name": "t", "description": ""}], "paths": {"/x": {"post": operation}}}
    (section,) = page.sections(document, "http://localhost:1/$HOME", keys=True)
    echo = f"curl() {{ {sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))' \"$@\"; }}\n"
    done = subprocess.run(
        ["sh", "-c", echo + section.operations[0].commands[0]], capture_output=True, text=True, check=True,
        env={"CLINVK_API_KEY": "clv_a 'key'"},
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told[2:5] == ["http://localhost:1/$HOME/x", "-H", "Authorization: Bearer clv_a 'key'"]
    assert json.loads(told[-1]) == {"prompt": "$HOME"}
