"""Fuzz clinvk: inputs are made up, and those that reach new code are changed further. docs/fuzzing.md says how.

The targets are those of tests/fuzz/harness.py. What is found goes to .cache/fuzz/found, what reaches code to
.cache/fuzz/inputs; with --keep the least of that which reaches all of it becomes tests/fuzz/corpus.
Exit codes: 0 nothing was found, 1 something was, 3 the fuzzer cannot be had.
"""

import argparse
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "fuzz"
INPUTS, FOUND = CACHE / "inputs", CACHE / "found"
LOCK = ROOT / "requirements" / "fuzz.txt"
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
LONGEST = 6 << 10
"""Bytes of an input."""
KEPT = 40 << 10
"""Bytes that are kept of a target's inputs."""
OVERHEAD = 64
"""Bytes that an input costs besides: a file more."""
NO_FUZZER = 3
STATS = re.compile(r"^#(\d+)\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)/\S+.*$", re.MULTILINE)

Step = tuple[str, int, int]
"""A file, and from which line of it to which."""

sys.path[:0] = [str(ROOT)]


def installed() -> Path:
    """The folder with the fuzzer, as locked; it is installed where it is missing."""
    folder = CACHE / f"python{sys.version_info.major}.{sys.version_info.minor}"
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        pip = ("-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "--upgrade")
        done = subprocess.run([sys.executable, *pip, "--target", folder, "-r", LOCK], check=False)
        if done.returncode:
            sys.exit(NO_FUZZER)
        stamp.write_text(LOCK.read_text())
    return folder


def fuzz(target: str, seconds: int, seed: int) -> bool:
    """Fuzz it, in a process of its own; whether nothing was found."""
    inputs = sowed(target)
    FOUND.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-seed={seed}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={FOUND}/{target}-",
        str(inputs),
    ]
    done = subprocess.run(
        [sys.executable, "-I", __file__, "--one", target, *options],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    print(summary(target, done.stderr), flush=True)
    if done.returncode:
        print(done.stderr[-4000:], file=sys.stderr)
    return done.returncode == 0


def sowed(target: str) -> Path:
    """The folder of a target's inputs, with the seeds and what is kept in it."""
    from tests.fuzz import seeds  # noqa: PLC0415  the path to it is ours to set

    folder = INPUTS / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds.of(target)):
        (folder / f"seed-{number:03}").write_bytes(seed[:LONGEST])
    for kept in (CORPUS / target).glob("*"):
        (folder / f"kept-{kept.name}").write_bytes(kept.read_bytes())
    return folder


def summary(target: str, told: str) -> str:
    """A line of what the fuzzer says of itself."""
    rows = STATS.findall(told)
    begun = next((row for row in rows if row[1] == "INITED"), None)
    if not begun:
        return f"{target:14} did not begin"
    count, _, covered, features, inputs = rows[-1]
    return (
        f"{target:14} {int(count):>9,} executions, branches {begun[2]} -> {covered}, "
        f"features {begun[3]} -> {features}, {inputs} inputs"
    )


def run_one(target: str, options: list[str]) -> None:
    """In the fuzzer's own process. Does not return."""
    sys.path.append(str(installed()))
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["clinvk"]):
        from tests.fuzz.harness import TARGETS  # noqa: PLC0415  instrumented as it is imported
    atheris.Setup([__file__, *options], TARGETS[target])
    atheris.Fuzz()


def keep(target: str) -> str:
    """Make the corpus of what reaches most for its length, within its bounds; what once broke something stays."""
    from tests.fuzz.harness import TARGETS  # noqa: PLC0415  the path to it is ours to set

    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {path.read_bytes() for path in INPUTS.joinpath(target).glob("*")}
    for path in folder.glob("input-*"):
        path.unlink()
    left = KEPT - sum(path.stat().st_size for path in folder.glob("*"))
    steps = {data: reached(TARGETS[target], data) for data in sorted(inputs)}
    everything, seen = set().union(*steps.values()), set[Step]()
    kept = 0
    while fitting := [data for data in steps if len(data) <= left and steps[data] - seen]:
        best = max(fitting, key=lambda data: len(steps[data] - seen) / (len(data) + OVERHEAD))
        seen |= steps.pop(best)
        left -= len(best)
        (folder / f"input-{kept:03}").write_bytes(best)
        kept += 1
    return f"{target:14} {kept} inputs, {KEPT - left:,} bytes, reach {len(seen)} of {len(everything)} steps"


def reached(target: Callable[[bytes], None], data: bytes) -> set[Step]:
    """The steps that an input makes in clinvk."""
    steps: set[Step] = set()
    before: dict[int, int] = {}

    def trace(frame, event, _):  # type: ignore[no-untyped-def]
        if "/clinvk/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            steps.add((frame.f_code.co_filename, before.get(id(frame), 0), frame.f_lineno))
            before[id(frame)] = frame.f_lineno
        else:
            before.pop(id(frame), None)
        return trace

    sys.settrace(trace)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return steps


def wanted(names: list[str]) -> Iterator[str]:
    from tests.fuzz.harness import TARGETS  # noqa: PLC0415  the path to it is ours to set

    if unknown := [name for name in names if name not in TARGETS]:
        sys.exit(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    return iter(names or TARGETS)


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Fuzz clinvk.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="those of tests/fuzz/harness.py (all)")
    parser.add_argument("--seconds", type=int, default=60, help="how long each is fuzzed (60)")
    parser.add_argument("--seed", type=int, default=1, help="of what is made up (1)")
    parser.add_argument("--keep", action="store_true", help="make tests/fuzz/corpus of what was reached so far")
    told = parser.parse_args()

    names = list(wanted(told.targets))
    if told.keep:
        for name in names:
            print(keep(name), flush=True)
        return 0
    installed()
    found = [name for name in names if not fuzz(name, told.seconds, told.seed)]
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
