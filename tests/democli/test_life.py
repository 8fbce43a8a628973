"""How the demo child starts, waits, is interrupted, and ends."""

import signal

import pytest

DEADLINE = 20.0
SLOW = "/slow " + "x " * 40
"""Sixteen seconds: four words in each."""
DONE = {"type": "done", "turn": "t", "stop_reason": "end_turn", "error": None}
INTERRUPTED = {"type": "done", "turn": "t", "stop_reason": None, "error": None}


def test_prompts_that_come_early_wait_for_their_turn(child):
    for turn in ("a", "b"):
        child.prompt("hello", turn=turn)
    assert {message["turn"] for message in child.until("done")} == {"a"}
    assert {message["turn"] for message in child.until("done")} == {"b"}


@pytest.mark.parametrize("prompt", [SLOW, "/hang", "/ask", "/burst 100m", "/big 1000m"])
def test_whatever_it_does_an_interrupt_ends_the_turn_and_not_the_child(child, prompt):
    child.prompt(prompt)
    child.until("conversation")
    child.tell(type="interrupt", turn="t")
    assert child.until("done")[-1] == INTERRUPTED
    assert child.turn("hello", turn="u")[-1] == {**DONE, "turn": "u"}
    assert child.end() == (0, b"")


@pytest.mark.parametrize("prompt", [SLOW, "/hang", "/ask", "/burst 100m"])
def test_the_end_of_stdin_interrupts_a_turn(child, prompt):
    child.prompt(prompt)
    child.until("conversation")
    child.process.stdin.close()
    assert child.until("done")[-1] == INTERRUPTED
    assert child.process.wait(DEADLINE) == 0


def test_an_interrupt_ends_a_turn_that_waits_and_only_that(child):
    child.prompt("/hang", turn="a")
    child.prompt("/hang", turn="b")
    child.until("conversation")
    child.tell(type="interrupt", turn="b")
    child.tell(type="interrupt", turn="a")
    assert child.until("done")[-1] == {**INTERRUPTED, "turn": "a"}
    assert child.until("done")[-1] == {**INTERRUPTED, "turn": "b"}


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'{"type": "prompt", "turn": "t"}',
        b'{"type": "prompt", "turn": 1, "prompt": "p"}',
        b'{"type": "answer", "turn": "t", "ask": "1", "allow": "yes"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_line_that_is_no_message_is_complained_about_and_passed_over(child, line):
    child.process.stdin.write(line + b"\n")
    child.process.stdin.flush()
    assert child.turn("hello")[-1] == DONE
    assert child.end() == (0, b"demo: not a message: " + line[:200] + b"\n")


def test_a_prompt_of_megabytes_is_taken(child):
    heard = child.turn("long " * 1_000_000)
    assert heard[-2]["input_tokens"] == 1_000_000


def test_text_that_utf_8_cannot_carry_is_given_back_escaped(child):
    assert '"a\ud800b"' in child.turn("a\ud800b").text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("prompt", [None, "/hang"])
def test_a_signal_ends_it_without_a_word(child, number, prompt):
    if prompt:
        child.prompt(prompt)
        child.until("conversation")
    child.process.send_signal(number)
    assert child.process.wait(DEADLINE) == -number
    assert child.end() == (-number, b"")


@pytest.mark.parametrize("prompt", ["hello", "/burst 1m"])
def test_when_nobody_reads_it_ends_without_a_word(child, prompt):
    child.process.stdout.close()
    child.prompt(prompt)
    assert child.process.wait(DEADLINE) == 1
    assert child.end() == (1, b"")


def test_it_starts_without_the_modules_that_take_long(new_child):
    child = new_child("-X", "importtime")
    child.hear()
    _, stderr = child.end()
    modules = {line.rpartition("|")[2].strip() for line in stderr.decode().splitlines()}
    assert "clinvk.democli.words" in modules
    assert not modules & {"site", "argparse", "asyncio", "subprocess", "threading", "typing", "inspect", "pathlib"}
