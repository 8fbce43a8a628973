"""The examination as a whole: nothing ends it, nothing holds it up, and every finding can be looked up."""

import asyncio
import re
import threading
from pathlib import Path

import pytest

from clinvk.doctor import certificate, clis, examination
from clinvk.doctor.finding import Id, Level, note, ok, problem, warning
from clinvk.doctor.told import Paper
from clinvk.supervisor import tasks
from tests.e2e.conftest import DEADLINE

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


@pytest.fixture
def without_clis(monkeypatch):
    async def none(_):
        return []

    monkeypatch.setattr(clis, "findings", none)


async def test_a_check_that_fails_is_a_finding_and_the_others_go_on(machine, without_clis, caplog):
    def fails(_):
        raise RuntimeError("the secret 31337")

    told = await machine.examined(checks={"bad": fails, "good": lambda _: [ok(Id.ENV_CLEAN, "x", "well")]})
    finding = told.one("doctor-failed", "bad")
    assert finding.level == "warning"
    assert re.search(r"RuntimeError at test_examination\.py:\d+", finding.message)
    assert told.one("env-clean")
    assert "31337" not in str(told)
    assert caplog.records == []


async def test_a_failure_far_below_is_told_with_its_own_place(machine, without_clis):
    told = await machine.examined(checks={"tls": lambda _: [certificate.ends("")]})
    assert "NotCertificate at certificate.py:" in told.one("doctor-failed").message


@pytest.fixture
def patient(monkeypatch):
    """The time for all checks begins when only one is under way that hangs."""

    async def first_of(*futures, timeout):
        async with asyncio.timeout(DEADLINE):
            while {task.get_name() for task in asyncio.all_tasks()} & {"good", "clis"}:
                await asyncio.sleep(0)
        return await tasks.first_of(*futures, timeout=timeout)

    monkeypatch.setattr(examination, "first_of", first_of)


async def test_a_check_that_hangs_is_given_up(machine, without_clis, patient):
    released = threading.Event()
    checks = {"hung": lambda _: [released.wait()], "good": lambda _: [ok(Id.ENV_CLEAN, "x", "well")]}
    told = await machine.examined(checks=checks, seconds=0.1)
    released.set()
    assert "hung did not end within 0.1 s" in told.one("doctor-slow").message
    assert told.one("env-clean")


async def test_findings_come_in_the_order_of_the_checks(machine, without_clis):
    first = threading.Event()

    def late(_):
        first.wait()
        return [ok(Id.HOME_FOLDER, "x", "late")]

    def early(_):
        first.set()
        return [ok(Id.ENV_CLEAN, "x", "early")]

    told = await machine.examined(checks={"late": late, "early": early})
    assert [each.message for each in told] == ["late", "early"]


def test_what_would_move_a_cursor_is_spelled_out():
    finding = warning(Id.HOME_FOLDER, "\x1b[2J", "a\nb\udcff", "c\u202ed")
    assert (finding.about, finding.message, finding.cure) == ("\\x1b[2J", "a\\nb\\udcff", "c\\u202ed")


def test_every_id_begins_with_its_subject_and_is_explained_on_the_page():
    page = PAGE.read_text("utf-8")
    explained = re.findall(r"^\| `([a-z]+-[a-z-]+)` \|", page, re.MULTILINE)
    assert sorted(explained) == sorted(Id)


def test_every_id_is_found_by_some_check():
    source = "".join(path.read_text("utf-8") for path in (Path(clis.__file__).parent).glob("*.py"))
    assert [each.name for each in Id if f"Id.{each.name}" not in source] == []


FOUND = [
    ok(Id.CLI_FOUND, "claude", "claude starts"),
    note(Id.CLI_MISSING, "codex", "codex is not installed", "install it"),
    warning(
        Id.HOME_MODE, "home", "others may look into it " + "and so on " * 12, "chmod 700 /home/dev/with-dashes"
    ),
    problem(Id.SERVER_PORT, "8080", "port 8080 is taken", "end it"),
]


def test_the_report_is_grouped_with_a_symbol_a_word_and_the_cure_below():
    report = Paper(60, colours=False, unicode=True).report(FOUND)
    assert (
        "\nCLIs\n  ✓ ok       claude starts\n  · note     codex is not installed\n             → install it\n"
        in report
    )
    assert "\nServer and port\n  ✗ problem  port 8080 is taken\n             → end it\n" in report
    assert report.endswith("\n\n✗ 1 problem to solve, 1 warning.\n")
    assert max(map(len, report.splitlines())) <= 60
    assert "\x1b" not in report


def test_colours_come_beside_symbols_and_words_and_change_no_text():
    plain, coloured = (Paper(80, colours=colours, unicode=True).report(FOUND) for colours in (False, True))
    assert "\x1b[1;31m✗ problem\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_where_there_is_only_ascii_there_is_only_ascii():
    report = Paper(80, colours=False, unicode=False).report([ok(Id.TERMINAL_CONSOLE, "terminal", "80×24")])
    assert report.isascii()
    assert "+ ok       80\\xd724" in report


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ([Level.OK, Level.NOTE], "✓ All is well."),
        ([Level.WARNING, Level.WARNING], "! A server can run here, with 2 warnings."),
        ([Level.PROBLEM], "✗ 1 problem to solve, no warnings."),
    ],
)
def test_the_verdict_is_the_last_line(levels, verdict):
    made = {Level.OK: ok, Level.NOTE: note}
    found = [
        made[level](Id.ENV_CLEAN, "x", "y") if level in made else
        (warning if level is Level.WARNING else problem)(Id.ENV_CLEAN, "x", "y", "z")
        for level in levels
    ]  # fmt: skip
    assert Paper(80, colours=False, unicode=True).report(found).splitlines()[-1] == verdict
