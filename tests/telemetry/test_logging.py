"""The log's two forms, and what no line may do."""

import io
import json
import logging
from pathlib import Path

import pytest

from clinvk.telemetry.logging import HumanLines, JsonLines, configure

WRONG = "invalid literal for int() with base 10: 'what went wrong'"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def root():
    """The root logger, given back as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def record(message="request", *args, exc_info=None, **fields):
    made = logging.LogRecord("clinvk.access", logging.INFO, __file__, 1, message, args, exc_info)
    made.created = 1769851800.25
    made.__dict__.update(fields)
    return made


def failure():
    try:
        int("what went wrong")
    except ValueError as error:
        return type(error), error, error.__traceback__


def test_a_json_line_is_one_object_with_the_records_own_fields():
    line = JsonLines().format(record("%d of %s", 1, "two", method="GET", ms=1.5, run_id=None))
    assert json.loads(line) == {
        "at": "2026-01-31T09:30:00.250Z",
        "level": "info",
        "logger": "clinvk.access",
        "message": "1 of two",
        "method": "GET",
        "ms": 1.5,
    }


def test_a_json_line_tells_an_exception_and_stays_one_line():
    line = JsonLines().format(record("failed", exc_info=failure()))
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith(f"ValueError: {WRONG}")


def test_a_json_line_can_tell_of_anything():
    line = json.loads(JsonLines().format(record(what=Path("/there"), path="/é \ud800")))
    assert (line["what"], line["path"]) == ("/there", "/é \ud800")


def test_a_line_for_people_is_short():
    line = HumanLines().format(record(method="GET", path="/health", status=200, run_id=None))
    assert line[8:] == " INFO access: request method=GET path=/health status=200"
    assert line[2] == line[5] == ":"


def test_a_line_for_people_tells_an_exception_below():
    lines = HumanLines().format(record("failed", exc_info=failure())).splitlines()
    assert (lines[1], lines[-1]) == ("Traceback (most recent call last):", f"ValueError: {WRONG}")


@pytest.mark.parametrize(
    "path", ["/a\nb", "/a\r\n09:30:00 INFO access: forged", "/a b", "/\x1b[2J", "/\x9b2J", "/a\u2028b", "/a\x85b"]
)
def test_what_a_client_wrote_forges_no_line_and_moves_no_cursor(path):
    for form in (HumanLines(), JsonLines()):
        line = form.format(record(path=path, status=200))
        assert len(line.splitlines()) == 1
        assert line.replace(" ", "x").isprintable()
    assert json.loads(JsonLines().format(record(path=path)))["path"] == path


@pytest.mark.parametrize(
    ("form", "stream", "made"),
    [
        ("auto", Terminal, HumanLines),
        ("auto", io.StringIO, JsonLines),
        ("human", io.StringIO, HumanLines),
        ("json", Terminal, JsonLines),
    ],
)
def test_the_form_follows_the_stream_unless_it_was_chosen(root, form, stream, made):
    configure("info", form, stream())
    (handler,) = root.handlers
    assert type(handler.formatter) is made


def test_what_is_below_the_level_is_not_written(root):
    stream = io.StringIO()
    configure("warning", "json", stream)
    logging.getLogger("clinvk.any").info("quiet")
    logging.getLogger("clinvk.any").warning("loud")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_by_default_the_log_goes_to_standard_error(root, capsys):
    configure("info", "json")
    logging.getLogger("clinvk.any").info("said")
    captured = capsys.readouterr()
    assert (captured.out, json.loads(captured.err)["message"]) == ("", "said")


def test_a_header_that_cannot_be_read_is_not_told_it_may_be_a_key():
    stream = io.StringIO()
    configure("debug", "json", stream)
    told = "Malformed HTTP message from %s: %s"
    logging.getLogger("tornado.general").info(told, "127.0.0.1", "Invalid header value 'clv_secret'")
    logging.getLogger("tornado.general").info("Another thing")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["Another thing"]
