"""`scripts/soak load` says of a server whether it stays as it is, and if not, what of it grows."""

import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from clinvk import processes
from tests.e2e.conftest import SOAK

SOAKING = Path(__file__).resolve().parents[2] / "scripts" / "soaking"
sys.path.append(str(SOAKING))
from sampling import Sample  # noqa: E402
from verdict import BOUNDS, LONG_SECS, MB, Table, judge  # noqa: E402

sys.path.remove(str(SOAKING))

LEAKS = {
    "descriptors": """
import os
from clinvk.api.access import Access
end = Access.end
Access.end = lambda self, *given, **more: (os.open("/dev/null", os.O_RDONLY), end(self, *given, **more))
""",
    "series": """
from itertools import count
from clinvk.telemetry.metrics import Metrics
request, numbers = Metrics.request, count()
Metrics.request = lambda self, route, *given: request(self, f"{route}/{next(numbers)}", *given)
""",
    "threads": """
import threading
from clinvk.api.access import Access
end = Access.end
def leave(self, *given, **more):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    end(self, *given, **more)
Access.end = leave
""",
}
SERVE = "import sys\nfrom clinvk.__main__ import main\nsys.exit(main())\n"
only_soak = pytest.mark.skipif(not SOAK, reason="scripts/soak runs it: a quarter of a minute each")


def soak(folder, seconds, *more):
    """A short run that has its files below `folder`; its exit status and what it tells."""
    command = (sys.executable, "-I", SOAKING, "--minutes", str(seconds / 60), *more)
    environment = os.environ | {"TMPDIR": str(folder)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert not run.stderr, run.stderr
    return run.returncode, run.stdout


def test_the_table_has_a_bound_for_all_that_is_sampled():
    assert BOUNDS.keys() | {"at", "runs"} == Sample.__dataclass_fields__.keys()


@only_soak
@pytest.mark.e2e
@pytest.mark.timeout(150)
def test_the_server_is_flat_and_nothing_of_it_is_left(tmp_path):
    status, told = soak(tmp_path, 12)
    assert (status, told.splitlines()[-1]) == (0, "verdict: flat"), told
    assert not list(tmp_path.iterdir())
    assert not [pid for pid in processes.table() if str(tmp_path) in workdir(pid)]


@only_soak
@pytest.mark.e2e
@pytest.mark.timeout(150)
@pytest.mark.parametrize("what", LEAKS)
def test_a_server_that_leaks_is_found_out(tmp_path, what):
    program = tmp_path / "leaking.py"
    program.write_text(LEAKS[what] + SERVE)
    status, told = soak(tmp_path, 10, "--program", program)
    assert (status, told.splitlines()[-1]) == (1, "verdict: not flat"), told
    assert f"NOT FLAT: {what} grew" in told


def workdir(pid):
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:  # it is gone
        return ""


def table(seconds=1200.0, **shapes):
    """240 samples with some noise; `shapes` say what is added, by the share of the time that has passed."""
    chance = random.Random(7)
    quiet = Sample(0.0, 60 * MB, 15, 8, 0, 330, 0)
    samples = [
        Sample(
            at=float(number),
            memory=70 * MB + chance.randint(-MB, MB),
            descriptors=35 + chance.randint(-12, 12),
            threads=10,
            children=3 + chance.randint(-3, 5),
            series=331,
            runs=3,
        )
        for number in range(240)
    ]
    for name, shape in shapes.items():
        samples = [
            replace(sample, **{name: round(getattr(sample, name) + shape(number / 240))})
            for number, sample in enumerate(samples)
        ]
    return Table(quiet, samples, quiet, Counter(session=9), Counter(), seconds)


def test_noise_is_flat():
    assert judge(table()) == []


@pytest.mark.parametrize(
    ("name", "amount"),
    [("memory", 20 * MB), ("descriptors", 40), ("threads", 10), ("children", 40), ("series", 80)],
)
def test_what_goes_up_all_the_time_is_not(name, amount):
    (fault,) = judge(table(**{name: lambda share: amount * share}))
    assert fault.startswith(f"{name} grew from ")


@pytest.mark.parametrize("name", ["memory", "descriptors", "series"])
def test_what_goes_up_at_first_and_then_no_more_is_flat(name):
    assert judge(table(**{name: lambda share: 50 * min(share, 0.2)})) == []


def test_a_moment_of_much_is_flat():
    assert judge(table(memory=lambda share: 300 * MB if 0.8 < share < 0.85 else 0)) == []


def test_memory_is_judged_only_when_the_rings_are_full():
    growing = {"memory": lambda share: 20 * MB * share}
    assert judge(table(LONG_SECS - 1, **growing)) == []
    assert len(judge(table(LONG_SECS, **growing))) == 1


@pytest.mark.parametrize(("name", "left"), [("descriptors", 9), ("threads", 9), ("children", 1)])
def test_what_is_left_when_all_is_quiet_is_told(name, left):
    seen = table()
    after = replace(seen.after, **{name: getattr(seen.before, name) + left})
    (fault,) = judge(replace(seen, after=after))
    assert fault.startswith(f"{name}: ")


def test_an_answer_that_nobody_expected_is_told():
    assert judge(replace(table(), surprises=Counter({"look: 500": 2}))) == ["2 times: look: 500"]


def test_too_little_is_no_verdict():
    seen = table()
    assert judge(replace(seen, samples=seen.samples[:8])) == ["only 8 samples: too few to tell"]


def test_every_row_of_the_table_is_on_the_page():
    page = (SOAKING.parents[1] / "docs" / "soak.md").read_text("utf-8")
    lines = list(table().lines())
    for name in (*lines[2].split("  "), *(line[:14] for line in lines[3:])):
        if name.strip():
            assert f"`{name.strip()}`" in page
