"""The stages that check clinvk, in order. scripts/test runs this inside the checkout's environment."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
FULLY_COVERED = "clinvk/domain/*,clinvk/backends/*"
COVERING = (
    "tests/domain",
    "tests/backends",
    "tests/contract/test_backends.py",
)  # they need no process and no socket
EAGER_MINORS = (12, 13, 14)  # 3.11 has no eager task factory; beyond 3.14 nothing is locked
# Those that this process may use: a container may be given few of many.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
SPREAD = ("-n", str(CORES + 1), "--dist", "worksteal")  # each waits now and then
NO_REGISTRY = 3  # scripts/install-clis' exit status when npm cannot be had
CLI_TESTS = 343  # what ran with the real CLIs when this was written: fewer are a failure
SDK_TESTS = 441  # the same of those with the official SDKs
WAITING = ("-n", "4", "--dist", "worksteal")  # with real CLIs tests wait more than they compute
BY_CLIENT = ("-n", "auto", "--dist", "loadgroup")  # each client program is started once
NO_TESTS = 5  # pytest's exit status when it collected none


class StageFailed(Exception):
    """A command of a stage failed; its own output has said why."""


@dataclass(frozen=True)
class Row:
    """A line of the table at the end."""

    stage: str
    outcome: str
    seconds: float | None = None


def run(*command: str, accept: tuple[int, ...] = (0,), **environment: str) -> int:
    """Run one command with this terminal as its output."""
    status = subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False).returncode
    if status not in accept:
        raise StageFailed(f"exit status {status}")
    return status


def module(name: str, *arguments: str) -> None:
    run(PYTHON, "-m", name, *arguments)


def lint(_: list[str]) -> str:
    module("ruff", "check")
    return "ok"


def formatting(_: list[str]) -> str:
    module("ruff", "format", "--check")
    return "ok"


def types(_: list[str]) -> str:
    module("mypy")
    module("mypy", "scripts/stages.py")
    module("mypy", "scripts/mutants.py")
    module("mypy", "scripts/fuzzing.py")
    module("mypy", "scripts/installing.py")
    for name in ("generated", "benchmarks", "soaking", "chaotic", "trials"):
        module("mypy", *map(str, sorted((ROOT / "scripts" / name).glob("*.py"))))
    return "ok"


def imports(_: list[str]) -> str:
    # By way of the interpreter: the script's own "#!" line breaks where the checkout's path is long.
    run(PYTHON, str(Path(PYTHON).with_name("lint-imports")), "--no-logo")
    return "ok"


def tests(arguments: list[str]) -> str:
    """All but those of the next stage. What measures coverage costs: these would take twice as long with it."""
    others = () if arguments else [f"--ignore={path}" for path in COVERING]
    module("pytest", *SPREAD, "-m", "not clis and not sdks", *others, *arguments)
    return "ok"


def clis(arguments: list[str]) -> str:
    """The tests with the real CLIs."""
    return with_installed(("install-clis",), "clis and not sdks", WAITING, CLI_TESTS, arguments)


def sdks(arguments: list[str]) -> str:
    """The tests with the official SDKs, of two generations; some have the real CLIs behind them."""
    return with_installed(("install-sdks", "install-clis"), "sdks", BY_CLIENT, SDK_TESTS, arguments)


def with_installed(
    scripts: tuple[str, ...], mark: str, spread: tuple[str, ...], known: int, arguments: list[str]
) -> str:
    """The tests of that mark. Where what they need can be had, at least as many pass as are known to."""
    for script in scripts:
        if run(PYTHON, f"scripts/{script}", accept=(0, NO_REGISTRY)) == NO_REGISTRY:
            warning = f"SKIPPED: scripts/{script} reaches no registry, nothing was tested with what it installs"
            print(f"!! {warning}", flush=True)
            return warning
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        module("pytest", *spread, "-m", mark, f"--junitxml={report}", *arguments)
        passed = count_passed(report)
    if passed < known and not arguments:
        raise StageFailed(f"only {passed} of {known} tests ran that need {' and '.join(scripts)}")
    return f"ok, {passed} tests"


def count_passed(report: Path) -> int:
    """The tests that ran and passed, of a JUnit report of our own making."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    missing = ("errors", "failures", "skipped")
    return sum(
        int(suite.get("tests", "0")) - sum(int(suite.get(name, "0")) for name in missing) for suite in suites
    )


def coverage(arguments: list[str]) -> str:
    """The tests of the domain and the backends, which reach all of them, branches too."""
    if arguments:
        return "not measured: only some tests were asked for"
    module("pytest", *SPREAD, "--cov", "--cov-report=", *COVERING)
    module("coverage", "report", f"--include={FULLY_COVERED}", "--fail-under=100")
    return "ok, all of the domain and the backends"


def eager(arguments: list[str]) -> str:
    """The tests whose outcome hangs on when a task first runs, where asyncio can run it at once."""
    newest = newest_python()
    if not newest:
        warning = "SKIPPED: no Python 3.12 or newer found, the eager task factory is not tested"
        print(f"!! {warning}", flush=True)
        return warning
    exist = any("mark.eager" in path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    minor, program = newest
    print(f"-- Python 3.{minor}", flush=True)
    python = eager_environment(minor, program)
    command = (python, "-m", "pytest", *SPREAD, "-m", "eager and not clis and not sdks", *arguments)
    run(*command, accept=(0,) if exist else (0, NO_TESTS))
    return f"ok, on 3.{minor}" if exist else f"no test is marked eager (3.{minor})"


def newest_python() -> tuple[int, str] | None:
    """The newest Python that really runs, by its minor version: with ours, both ends of what is promised."""
    if sys.version_info.minor == EAGER_MINORS[-1]:
        return EAGER_MINORS[-1], PYTHON
    found = (
        (minor, str(program))
        for minor in reversed(EAGER_MINORS)
        for program in candidates(minor)
        if runs_as(program, minor)
    )
    return next(found, None)


def candidates(minor: int) -> Iterator[Path]:
    for directory in os.get_exec_path():
        yield from (Path(directory, name) for name in (f"python3.{minor}", "python3"))
    for versions in {os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")} - {""}:
        yield from Path(versions, "versions").glob(f"*/bin/python3.{minor}")


def runs_as(program: Path, minor: int) -> bool:
    """Whether this is that version and can make an environment; pyenv's shims are there and are neither."""
    code = f"import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, {minor}))"
    try:
        return not subprocess.run([program, "-I", "-c", code], capture_output=True, check=False).returncode
    except OSError:
        return False


def eager_environment(minor: int, program: str) -> str:
    if program == PYTHON:
        return PYTHON
    name = f".venv-3.{minor}"
    run("sh", "scripts/environment", "dev", name, PYTHON=program)
    return str(ROOT / name / "bin" / "python")


STAGES: dict[str, Callable[[list[str]], str]] = {
    "lint": lint,
    "format": formatting,
    "types": types,
    "imports": imports,
    "tests": tests,
    "coverage": coverage,
    "clis": clis,
    "sdks": sdks,
    "eager": eager,
}


def run_stages(names: list[str], pytest_arguments: list[str]) -> tuple[list[Row], bool]:
    """Up to the first that fails: what comes after it has a row too, so none goes missing unseen."""
    rows: list[Row] = []
    for name in names:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        try:
            outcome, passed = STAGES[name](pytest_arguments), True
        except (StageFailed, KeyboardInterrupt) as stop:
            outcome, passed = f"FAILED: {stop or 'interrupted'}", False
        rows.append(Row(name, outcome, time.monotonic() - started))
        if not passed:
            return rows + [Row(left, "did not run") for left in names[len(rows) :]], False
    return rows, True


def print_table(rows: list[Row], passed: bool) -> None:
    total = sum(row.seconds or 0 for row in rows)
    print("== summary")
    for row in [*rows, Row("total", "passed" if passed else "FAILED", total)]:
        spent = "-" if row.seconds is None else f"{row.seconds:.1f} s"
        print(f"{row.stage:<10}{spent:>9}  {row.outcome}", flush=True)


def main() -> int:
    after = "What follows -- goes to pytest, in the stages tests, clis, sdks and eager."
    parser = argparse.ArgumentParser(prog="scripts/test", description="Check clinvk.", epilog=after)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES) + " (all of them)")
    given = sys.argv[1:]
    split = given.index("--") if "--" in given else len(given)
    wanted = parser.parse_args(given[:split]).stages
    if unknown := [name for name in wanted if name not in STAGES]:
        parser.error(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")
    rows, passed = run_stages([name for name in STAGES if name in wanted or not wanted], given[split + 1 :])
    print_table(rows, passed)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
