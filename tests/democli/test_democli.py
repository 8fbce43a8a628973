"""What the demo child says to each word."""

import json
import os
import re
import select
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from clinvk import processes

DONE = {"type": "done", "turn": "t", "stop_reason": "end_turn", "error": None}
INTERRUPTED = {"type": "done", "turn": "t", "stop_reason": None, "error": None}
SPOKEN = {"conversation", "text", "text_end", "reasoning", "tool", "tool_end", "ask", "usage", "done"}


def test_an_ordinary_prompt_is_answered_word_by_word(child):
    prompt = "how are\nyou? " + "x" * 100
    heard = child.turn(prompt)
    assert heard.kinds == ["conversation", "text", "text_end", "usage", "done"]
    assert "clinvk's demo backend" in heard.text
    assert f'"{prompt[:80]}"' in heard.text
    assert "turn 1 of this conversation" in heard.text
    assert heard.text.endswith("/help lists more.")
    assert 12 < heard.count("text") < 40
    assert heard[-1] == DONE
    assert child.end() == (0, b"")


def test_an_unknown_word_is_answered_with_a_hint(child):
    assert "does not know /frobnicate: /help lists" in child.turn("/frobnicate the baz").text


def test_every_message_of_a_turn_bears_its_id(child):
    for prompt in ("hello", "/tool", "/think", "/fail"):
        assert {(message["turn"], message["type"] in SPOKEN) for message in child.turn(prompt)} == {("t", True)}


def test_a_conversation_is_remembered_and_others_are_not_mixed_up(child):
    first = child.turn("one")
    name = first[0]["id"]
    second = child.turn("two words", conversation=name)
    other = child.turn("another")
    assert [second[0]["id"], "turn 2 of" in second.text] == [name, True]
    assert other[0]["id"] != name
    assert "turn 1 of" in other.text
    assert second[-2]["cached_tokens"] == 1 + first[-2]["output_tokens"]


def test_steady_says_so_many_words_a_second(child):
    before = time.monotonic()
    heard = child.turn("/steady 50 1")
    assert heard.count("text") == 50
    assert time.monotonic() - before > 0.9
    assert heard[-1] == DONE


def test_steady_wants_numbers(child):
    assert "words a second and seconds" in child.turn("/steady fast")[-1]["error"]["message"]


def test_slow_takes_its_time(child):
    before = time.monotonic()
    child.prompt("/slow " + "x " * 40)
    for _ in range(3):  # two pauses, of a quarter of a second each, however late they are heard
        child.until("text")
    assert time.monotonic() - before > 0.4
    child.tell(type="interrupt", turn="t")
    assert child.until("done")[-1] == INTERRUPTED


def test_slow_says_some_twenty_words_the_prompts_among_them(child):
    heard = child.turn("/slow a tortoise")
    assert "says a tortoise and" in heard.text
    assert 15 <= heard.count("text") <= 30
    assert heard[-1] == DONE


def test_tool_really_counts_the_files(child, tmp_path):
    (tmp_path / "another file").touch()
    (tmp_path / "a folder").mkdir()
    heard = child.turn("/tool")
    assert heard.kinds == [
        "conversation",
        "text",
        "text_end",
        "tool",
        "tool_end",
        "text",
        "text_end",
        "usage",
        "done",
    ]
    (tool,) = [message for message in heard if message["type"] == "tool"]
    (tool_end,) = [message for message in heard if message["type"] == "tool_end"]
    assert tool == {
        "type": "tool",
        "turn": "t",
        "id": tool_end["id"],
        "name": "count_files",
        "input": {"folder": "."},
    }
    assert (tool_end["ok"], tool_end["output"]) == (True, "2 files")  # that, and its stderr
    assert "I found 2 files in it." in heard.text


def test_think_reasons_before_it_answers(child):
    heard = child.turn("/think twice")
    assert heard.kinds == ["conversation", "reasoning", "text", "text_end", "usage", "done"]
    assert "twice" in heard.text
    usage = heard[-2]
    assert 0 < usage["reasoning_tokens"] < usage["output_tokens"]
    assert usage["input_tokens"] == 2


@pytest.mark.parametrize(("allow", "said"), [(True, "yes (because)"), (False, "no (because)")])
def test_ask_waits_for_its_answer_and_says_it(child, tmp_path, allow, said):
    child.prompt("/ask")
    ask = child.until("ask")[-1]
    assert (ask["action"], ask["paths"]) == ("edit", [str(tmp_path / "demo.txt")])
    child.tell(type="answer", turn="t", ask="another", allow=not allow, reason="not meant")
    child.tell(type="answer", turn="t", ask=ask["ask"], allow=allow, reason="because")
    heard = child.until("done")
    assert f"The answer was {said}" in heard.text
    assert "only pretends" in heard.text
    assert not (tmp_path / "demo.txt").exists()


@pytest.mark.parametrize(
    ("prompt", "code", "retry_after"), [("/fail", "backend_failed", None), ("/usage-limit", "usage_limit", 3600)]
)
def test_failures_are_told_and_the_child_lives_on(child, prompt, code, retry_after):
    done = child.turn(prompt)[-1]
    assert (done["stop_reason"], done["error"]["code"]) == (None, code)
    assert done["error"].get("retry_after_secs") == retry_after
    assert child.turn("hello")[-1] == DONE


def test_hang_says_nothing(child):
    child.prompt("/hang")
    assert child.hear()["type"] == "conversation"
    assert select.select([child.process.stdout], [], [], 0.2)[0] == []


def test_children_are_what_they_are_said_to_be(child):
    child.prompt("/children")
    told = [child.until("text")[-1]["text"] for _ in range(4)]
    pids = {line.split(" ", 2)[2].strip(): int(line.split()[1]) for line in told}
    try:
        check_children(child.process.pid, pids)
        child.tell(type="interrupt", turn="t")
        assert child.until("done")[-1] == INTERRUPTED
    finally:
        child.kill()
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # with their parents gone they are ours


def test_a_server_answers_as_long_as_it_lives_and_outlives_its_turn(child):
    heard = child.turn("/server")
    assert heard[-1] == DONE
    pid = int(heard.text.split()[1])
    try:
        for _ in range(2):
            with urllib.request.urlopen(re.search(r"http://127[^ ]*", heard.text)[0], timeout=20) as answer:
                assert answer.read() == b"Hello from the demo backend's server\n"
        row = processes.read(pid)
        assert (row.ppid, row.sid) == (child.process.pid, pid)
        assert child.end() == (0, b"")
        assert processes.read(pid).alive
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # with its parent gone it is ours


def check_children(pid, pids):
    rows = {what.split(",")[0]: processes.read(child) for what, child in pids.items()}
    assert all(row and row.alive for row in rows.values())
    outputs = {what: Path(f"/proc/{row.pid}/fd/1").readlink() for what, row in rows.items()}
    assert Path(outputs.pop("double-forked")) == Path(f"/proc/{pid}/fd/1").readlink()
    assert set(outputs.values()) == {Path(os.devnull)}
    assert (rows["plain"].ppid, rows["plain"].pgid) == (pid, pid)
    own = rows["session of its own"]
    assert (own.ppid, own.sid) == (pid, own.pid)
    assert pid not in {rows["double-forked"].ppid, rows["double-forked"].sid}
    assert Path(f"/proc/{rows['double-forked'].pid}/environ").read_bytes() == b""
    deaf = rows["deaf to TERM"]
    status = Path(f"/proc/{deaf.pid}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    assert all(ignored >> number - 1 & 1 for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


def test_garbage_is_no_protocol_and_then_comes_an_answer(child):
    child.prompt("/garbage")
    lines = [child.line()]
    while not lines[-1].startswith(b'{"type": "done"'):
        lines.append(child.line())
    assert lines[1:7] == [
        b"This line is no message",
        b'{"type": "text", "turn": ',
        b'{"type": "no-such-type", "text": "of a type that nobody knows"}',
        b'["a", "list"]',
        b"\xff\xfe invalid UTF-8 \xc3",
        b"",
    ]
    assert b'"text": "That "' in lines[7]
    assert json.loads(lines[-1]) == DONE


@pytest.mark.parametrize(
    ("number", "size"),
    [("0", 0), ("1", 1), ("65536", 65536), ("65537", 65537), ("300k", 300 << 10), ("2M", 2 << 20)],
)
def test_big_says_as_many_bytes(child, number, size):
    heard = child.turn(f"/big {number} and more")
    assert len(heard.text.encode()) == size
    assert max([len(message["text"]) for message in heard if message["type"] == "text"], default=0) <= 1 << 16
    assert heard[-1] == DONE


@pytest.mark.parametrize(("number", "words"), [("0", 0), ("1", 1), ("2049", 2049), ("10k", 10 << 10)])
def test_burst_says_as_many_words(child, number, words):
    heard = child.turn(f"/burst {number}")
    assert heard.text == "word " * words
    assert heard.count("text") == words
    assert heard[-2]["output_tokens"] == words


@pytest.mark.parametrize("word", ["/big", "/burst"])
@pytest.mark.parametrize("number", ["", "x", "-1", "1.5", "k", "3g", "9" * 13, "\u00b2"])
def test_a_bad_number_is_answered_with_what_would_be_right(child, word, number):
    error = child.turn(f"{word} {number}")[-1]["error"]
    assert error["code"] == "backend_failed"
    assert error["message"].startswith(f"{word} takes a number of ")
    assert error["message"].endswith(f"not '{number}'")


def test_stderr_is_filled_beyond_a_pipe_and_then_comes_an_answer(child):
    assert "this is the answer" in child.turn("/stderr").text
    code, stderr = child.end()
    assert (code, len(stderr) > 64 << 10) == (0, True)
    assert stderr.endswith(b"demo: the last line on stderr\n")
    with pytest.raises(UnicodeDecodeError):
        stderr.decode()


def test_crash_dies_in_the_middle_of_a_sentence(child):
    child.prompt("/crash")
    heard = child.to_the_end()
    assert heard.kinds == ["conversation", "text"]
    assert child.end() == (70, b"demo: crashed, as /crash asked\n")


def test_help_lists_every_word(child):
    words = {line.split()[0] for line in child.turn("/help").text.splitlines() if line.startswith("/")}
    assert words == {
        "/slow",
        "/steady",
        "/tool",
        "/think",
        "/recall",
        "/ask",
        "/fail",
        "/usage-limit",
        "/hang",
        "/children",
        "/server",
        "/garbage",
        "/big",
        "/burst",
        "/stderr",
        "/crash",
        "/help",
    }
