"""The program as its user meets it: what it prints, what it logs, how it ends."""

import asyncio
import contextlib
import json
import os
import re
import socket
import sys
from dataclasses import dataclass

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

DEADLINE = 30.0
ANNOUNCED = """\
clinvk API server starting on {url}

Available endpoints:
  Custom API:     /api/v1/prompt, /api/v1/parallel, /api/v1/chain, /api/v1/compare
  OpenAI:         /openai/v1/models, /openai/v1/chat/completions
  Anthropic:      /anthropic/v1/messages
  Docs:           /openapi.json
  Health:         /health

Press Ctrl+C to stop
"""


@dataclass
class Program:
    """The running program, started and announced."""

    process: asyncio.subprocess.Process
    announced: str
    out: str = ""
    err: str = ""

    @property
    def url(self):
        return self.announced.split("\n")[0].removeprefix("clinvk API server starting on ")

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    async def fetch(self, path, body=None):
        client = AsyncHTTPClient(force_instance=True)
        request = HTTPRequest(
            f"http://127.0.0.1:{self.port}{path}",
            method="GET" if body is None else "POST",
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json"},
            request_timeout=DEADLINE,
        )
        try:
            answer = await client.fetch(request, raise_error=False)
        finally:
            client.close()
        assert answer.code != 599, answer.error
        return answer.code, json.loads(answer.body)

    async def end(self):
        """Ask it to end as systemd would; its exit code."""
        self.process.terminate()
        async with asyncio.timeout(DEADLINE):
            out, err = await self.process.communicate()
        self.out, self.err = self.announced + out.decode(), err.decode()
        return self.process.returncode

    @property
    def lines(self):
        return [json.loads(line) for line in self.err.splitlines()]


async def start(home, *arguments, **environment):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "clinvk",
        "serve",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "CLINVK_HOME": str(home), **environment},
    )


@contextlib.asynccontextmanager
async def serving(home, *arguments, **environment):
    """The program, once it says that it is there. It is not left alive, whatever happens."""
    process = await start(home, *arguments, **environment)
    try:
        announced = ""
        async with asyncio.timeout(DEADLINE):
            while not announced.endswith("Press Ctrl+C to stop\n"):
                line = (await process.stdout.readline()).decode()
                assert line, (await process.stderr.read()).decode()
                announced += line
        yield Program(process, announced)
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(DEADLINE):
                await process.communicate()


def _has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def failing(home, *arguments, **environment):
    """Exit code, standard output and standard error of a program that cannot serve."""
    process = await start(home, *arguments, **environment)
    async with asyncio.timeout(DEADLINE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


WORD = "a-word-like-no-other"


@pytest.mark.e2e
async def test_it_announces_itself_exactly_so_and_logs_a_prompt_without_its_words(tmp_path):
    async with serving(tmp_path, "--port", "0", PATH=str(tmp_path)) as program:  # no CLI is there to be asked
        await program.fetch("/api/v1/backends")  # answered once they were looked for: nothing else waits for that
        status, answer = await program.fetch("/api/v1/prompt", {"backend": "demo", "prompt": WORD})
        assert (status, WORD in answer["output"]) == (200, True)
        assert await program.end() == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", program.url)
    assert program.out == ANNOUNCED.format(url=program.url)
    _, access = [line for line in program.lines if line["logger"] == "clinvk.access"]
    (run,) = [line for line in program.lines if line["logger"] == "clinvk.run"]
    assert (access["message"], access["path"], access["status"]) == ("request", "/api/v1/prompt", 200)
    assert (run["message"], run["state"], run["backend"]) == ("run", "completed", "demo")
    assert access["run_id"] == run["run_id"] == answer["run_id"]
    told = [
        line["message"].partition(" ")[0].strip(":")
        for line in program.lines
        if line["logger"] == "clinvk.backends"
    ]
    assert told == ["claude", "codex", "gemini"]
    for secret in (WORD, "demo backend", answer["output"]):
        assert secret not in program.err
    assert [line for line in program.lines if line["level"] not in {"info", "debug"}] == []


@pytest.mark.e2e
async def test_with_log_content_the_words_are_in_the_log_too(tmp_path):
    async with serving(tmp_path, "--port", "0", "--log-content") as program:
        _, answer = await program.fetch("/api/v1/prompt", {"backend": "demo", "prompt": WORD})
        assert await program.end() == 0
    (run,) = [line for line in program.lines if line["logger"] == "clinvk.run"]
    assert (run["prompt"], run["output"]) == (WORD, answer["output"])


@pytest.mark.e2e
async def test_with_log_content_a_long_prompt_is_in_the_log_whole(tmp_path):
    prompt = "/big 5 " + "word " * 1000
    async with serving(tmp_path, "--port", "0", "--log-content") as program:
        await program.fetch("/api/v1/prompt", {"backend": "demo", "prompt": prompt})
        assert await program.end() == 0
    (run,) = [line for line in program.lines if line["logger"] == "clinvk.run"]
    assert run["prompt"] == prompt


@pytest.mark.e2e
async def test_people_get_lines_for_people_and_the_file_is_read_below_the_flags(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("server:\n  port: 1\n  max_request_body_bytes: 50\nbackends:\n  demo:\n    enabled: false\n")
    flags = ("--log-format", "human", "--port", "0")
    variables = {"CLINVK_CONFIG": str(file), "PATH": str(tmp_path)}  # where no CLI is to be asked
    async with serving(tmp_path / "home", *flags, **variables) as program:
        backends = (await program.fetch("/health"))[1]["backends"]
        assert [backend["name"] for backend in backends] == ["claude", "codex", "gemini"]
        await program.fetch("/api/v1/backends")  # answered once they were looked for: nothing else waits for that
        status, problem = await program.fetch("/api/v1/prompt", {"backend": "demo", "prompt": "hello"})
        assert (status, problem["title"]) == (400, "Backend Not Found")
        assert (await program.fetch("/api/v1/prompt", {"prompt": "x" * 50}))[0] == 413
        assert await program.end() == 0
    lines = program.err.splitlines()
    assert re.match(r"\d\d:\d\d:\d\d INFO store: the store is at version", lines[0])
    for line in (r"INFO backends: claude", r"INFO access: request method=GET path=/health status=200 "):
        assert [one for one in lines if re.match(rf"\d\d:\d\d:\d\d {line}", one)]


@pytest.mark.e2e
async def test_an_address_that_others_can_reach_is_warned_of_loudly(tmp_path):
    async with serving(tmp_path, "--port", "0", "--host", "0.0.0.0") as program:
        assert await program.end() == 0
    assert program.out == ANNOUNCED.format(url=f"http://0.0.0.0:{program.port}")
    warnings = [line for line in program.err.splitlines() if line.startswith("WARNING: ")]
    assert warnings[0] == "WARNING: 0.0.0.0 is not loopback, and this server asks for no API keys."
    assert "can run agents on this machine as you" in warnings[1]


@pytest.mark.e2e
@pytest.mark.parametrize(("host", "url"), [("::1", "http://[::1]:"), ("localhost", "http://localhost:")])
async def test_every_loopback_address_is_announced_as_it_was_asked_for_without_a_warning(tmp_path, host, url):
    if host == "::1" and not _has_ipv6():
        pytest.skip("no IPv6 here")
    async with serving(tmp_path, "--port", "0", "--host", host) as program:
        assert await program.end() == 0
    assert program.url.startswith(url)
    assert "WARNING" not in program.err


@pytest.mark.e2e
async def test_a_port_in_use_is_exit_code_1_and_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await failing(tmp_path, "--port", str(port))
    assert (code, out) == (1, "")
    assert err.startswith(f"clinvk: cannot listen on 127.0.0.1 port {port}: Address already in use")
    assert (err.count("\n"), err[-1]) == (1, "\n")


@pytest.mark.e2e
async def test_an_address_that_is_not_ours_is_exit_code_1_and_one_line(tmp_path):
    code, out, err = await failing(tmp_path, "--port", "0", "--host", "203.0.113.1")
    assert (code, out) == (1, "")
    assert err.startswith("clinvk: cannot listen on 203.0.113.1 port 0: Cannot assign requested address")
    assert (err.count("\n"), err[-1]) == (1, "\n")


@pytest.mark.e2e
async def test_a_name_that_cannot_be_one_is_exit_code_1_and_one_line(tmp_path):
    code, out, err = await failing(tmp_path, "--port", "0", "--host", "x" * 64 + ".example")
    assert (code, out) == (1, "")
    assert err.endswith("it is not a host name (see --port and --host)\n")
    assert err.count("\n") == 1


@pytest.mark.e2e
async def test_a_wrong_configuration_is_exit_code_3_of_the_whole_program_too(tmp_path):
    (tmp_path / "config.yaml").write_text("server:\n  port: x\n")
    code, out, err = await failing(tmp_path)
    assert (code, out) == (3, "")
    assert err == f'clinvk: {tmp_path}/config.yaml:2:9: server.port is text, "x"; expected a whole number\n'


@pytest.mark.e2e
async def test_tools_that_a_backend_cannot_allow_are_refused_at_the_start(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("backends:\n  codex:\n    allowed_tools: [Read]\n")
    code, out, err = await failing(tmp_path, "--port", "0", "--config", str(file), TMPDIR=str(tmp_path))
    assert (code, out) == (3, "")
    told = f"clinvk: {file}:3:20: backends.codex.allowed_tools is refused: codex allows no tool by its name"
    assert err.startswith(told)
    assert not list(tmp_path.glob("clinvk-*"))


@pytest.mark.e2e
async def test_an_output_that_nobody_reads_leaves_nothing_behind(tmp_path):
    read, write = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "clinvk", "serve", "--port", "0"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=write,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "CLINVK_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
    )
    os.close(write)
    async with asyncio.timeout(DEADLINE):
        await process.communicate()
    assert process.returncode != 0
    assert not list(tmp_path.glob("clinvk-*"))
