"""Put faults into a copy of the code, one at a time, and see whether the tests notice. scripts/mutate runs this.

mutmut makes the faults ("mutants") and picks the tests that reach each. Everything happens below a temporary
folder; nothing is written in the checkout.
"""

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clinvk import processes

ROOT: Final = Path(__file__).resolve().parent.parent
NICENESS: Final = 19  # this takes minutes, and somebody may be working
PR_SET_CHILD_SUBREAPER: Final = 36
LAST_LINES: Final = 60
NOTICED: Final = frozenset({"killed", "timeout", "segfault", "suspicious"})  # a test failed, or never came back
# hypothesis searches the same examples each time, and tests come in the same order: so do the survivors.
PYTEST: Final = ("-p", "no:randomly", "--hypothesis-seed=0")


@dataclass(frozen=True)
class Suite:
    """Sources, and the tests that answer for them."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]

    def covers(self, path: Path) -> bool:
        return any(path.is_relative_to(source) for source in self.sources)


SUITES: Final = (
    Suite(
        ("clinvk/domain", "clinvk/backends"), ("tests/domain", "tests/backends", "tests/contract/test_backends.py")
    ),
    Suite(
        ("clinvk/supervisor/ladder.py",),
        (
            "tests/supervisor/test_ladder.py",
            "tests/supervisor/test_stopping.py",
            "tests/supervisor/test_descriptors.py",
        ),
    ),
)


class MutationFailed(Exception):
    """mutmut could not do its work; its own output has said why."""


class Copy:
    """A copy of the checkout, with mutmut's settings in it."""

    def __init__(self, folder: Path, suite: Suite, paths: list[Path], pytest: list[str]) -> None:
        self._folder = folder
        # No dot files: neither .git nor an environment nor a cache is needed.
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "node_modules"))
        settings = {
            "source_paths": ["clinvk"],
            "only_mutate": [f"{path}/*" if (ROOT / path).is_dir() else str(path) for path in paths],
            "also_copy": sorted(path.name for path in folder.iterdir() if path.name not in {"clinvk", "tests"}),
            "pytest_add_cli_args_test_selection": [test for test in suite.tests if (ROOT / test).exists()],
            "pytest_add_cli_args": [*PYTEST, *pytest],
            "timeout_multiplier": 8.0,  # seconds a mutant may take: this often the time of its tests …
            "timeout_constant": 5.0,  # … and this
            # The ladder's tests make their process adopt orphans. mutmut's own must not be that process: it would
            # stumble over the first child that it does not know.
            "process_isolation": "forkserver",
            "track_dependencies": False,
            "use_git_change_detection": False,
        }
        table = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        with (folder / "pyproject.toml").open("a") as project:
            project.write(f"\n[tool.mutmut]\n{table}")

    def mutate(self, jobs: int) -> None:
        """Try every mutant. Raises MutationFailed."""
        command = self._mutmut("run", "--max-children", str(jobs))
        watched = sys.stdout.isatty()  # its progress is made for terminals
        pipe = None if watched else subprocess.PIPE
        ended = subprocess.run(
            command, cwd=self._folder, check=False, stdin=subprocess.DEVNULL, stdout=pipe, text=True
        )
        if ended.returncode:
            print(*(ended.stdout or "").splitlines()[-LAST_LINES:], sep="\n")
            raise MutationFailed(f"mutmut ended with {ended.returncode}: do the tests pass?")

    def outcomes(self) -> dict[str, str]:
        """What became of each mutant, by its name."""
        lines = self._said("results", "--all", "true").splitlines()
        named = (line.strip().rpartition(": ") for line in lines if ": " in line)
        return {name: outcome for name, _, outcome in named}

    def difference(self, mutant: str) -> str:
        return self._said("show", mutant)

    def _said(self, *words: str) -> str:
        ended = subprocess.run(self._mutmut(*words), cwd=self._folder, check=True, capture_output=True, text=True)
        return ended.stdout

    def _mutmut(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "mutmut", *words]


def module_of(mutant: str) -> str:
    """`clinvk.domain.ids.x_new__mutmut_1` is of `clinvk.domain.ids`."""
    return mutant.rpartition(".")[0]


def print_survivors(copy: Copy, outcomes: dict[str, str]) -> None:
    for mutant, outcome in outcomes.items():
        if outcome not in NOTICED:
            print(f"\n{copy.difference(mutant).strip()}", flush=True)


def print_summary(outcomes: dict[str, str]) -> None:
    """A line for each module: what its tests noticed, what they did not, and what no test even reaches."""
    by_module: dict[str, Counter[str]] = {}
    for mutant, outcome in outcomes.items():
        by_module.setdefault(module_of(mutant), Counter())[outcome] += 1
    by_module["total"] = Counter(outcomes.values())
    print(f"\n{'module':<40}{'noticed':>9}{'survived':>10}{'no test':>9}{'other':>7}{'all':>6}")
    for module, counts in by_module.items():
        noticed = sum(counts[outcome] for outcome in NOTICED)
        rest = counts.total() - noticed - counts["survived"] - counts["no tests"]
        row = f"{noticed:>9}{counts['survived']:>10}{counts['no tests']:>9}{rest:>7}{counts.total():>6}"
        print(f"{module:<40}{row}", flush=True)


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """A mutant may hang or lose a process: whatever is below us at the end is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        while left := [row for row in processes.descendants(os.getpid(), processes.table()) if row.alive]:
            for row in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(row.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, 0)


def chosen(names: list[str], parser: argparse.ArgumentParser) -> list[tuple[Suite, list[Path]]]:
    """Each suite with the paths to mutate; all of its sources where no path is named."""
    if not names:
        return [(suite, [Path(source) for source in suite.sources]) for suite in SUITES]
    paths = [Path(name).absolute().resolve() for name in names]
    for path in paths:
        if not path.is_relative_to(ROOT) or not any(suite.covers(path.relative_to(ROOT)) for suite in SUITES):
            scope = ", ".join(source for suite in SUITES for source in suite.sources)
            parser.error(f"{path} is not there to be mutated: that is {scope}")
        if not path.exists():
            parser.error(f"there is no {path}")
    inside = [path.relative_to(ROOT) for path in paths]
    picked = [(suite, [path for path in inside if suite.covers(path)]) for suite in SUITES]
    return [(suite, taken) for suite, taken in picked if taken]


def main() -> int:
    description = "See what faults the tests do not notice."
    parser = argparse.ArgumentParser(
        prog="scripts/mutate", description=description, epilog="What follows -- goes to pytest."
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a file or folder of the scope (all of it)")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=cores, metavar="N", help=f"mutants at once ({cores})")
    given = sys.argv[1:]
    split = given.index("--") if "--" in given else len(given)
    options, pytest = parser.parse_args(given[:split]), given[split + 1 :]
    work = chosen(options.paths, parser)
    os.nice(NICENESS)
    outcomes: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="clinvk-mutants-") as folder, nothing_left():
        try:
            for number, (suite, paths) in enumerate(work):
                copy = Copy(Path(folder, str(number)), suite, paths, pytest)
                copy.mutate(options.jobs)
                found = copy.outcomes()
                print_survivors(copy, found)
                outcomes |= found
        except (MutationFailed, KeyboardInterrupt) as stop:
            print(f"\nnot finished: {stop or 'interrupted'}", file=sys.stderr)
            return 1
    print_summary(outcomes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
