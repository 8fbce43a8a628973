"""What a request may not say on top of what is configured, and how it is told."""

from dataclasses import replace

import pytest

from clinvk.backends.claude.backend import ClaudeBackend
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.gemini.backend import GeminiBackend
from clinvk.backends.registry import Registry
from clinvk.domain.access import Grant
from clinvk.domain.errors import Forbidden, InvalidInput
from clinvk.domain.spec import Origin, RunSpec
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.vetting import Vetting
from clinvk.supervisor.workdir import Bounds

MINE = Origin(key_label="ci")


class Known:
    """Finds every CLI."""

    def found(self, name):
        return name


@pytest.fixture
def vet(tmp_path):
    """What becomes of flags: those of the settings, and those of the request."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/out").symlink_to(tmp_path)

    async def look(backend, preset, asked, **limits):
        registry = Registry([ClaudeBackend(), GeminiBackend(), DemoBackend()])
        flags = {"extra": (*preset, *asked), "preset_flags": len(preset), "origin": MINE}
        vetting = Vetting(registry, Known(), Limits(**limits))
        return (await vetting.vetted(RunSpec(backend, "p", str(tmp_path / "in"), **flags)))[0].extra

    return look


async def faults(looking):
    with pytest.raises(InvalidInput) as refused:
        await looking
    return [(fault.path, fault.message) for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("backend", "preset", "asked"),
    [
        ("claude", "--max-budget-usd=1", "--max-budget-usd=100"),
        ("claude", "--tools=Read", "--tools=default"),
        ("claude", "--disallowedTools=Bash", "--disallowedTools=x"),
        ("gemini", "--extensions=none", "--extensions=mine"),
    ],
)
async def test_what_bounds_the_agent_cannot_be_said_again_where_the_settings_say_it(vet, backend, preset, asked):
    told = [("/extra/0", f"'{asked}' is for the server to say")]
    assert await faults(vet(backend, [preset], [asked])) == told
    assert await vet(backend, [preset], []) == (preset,)
    assert await vet(backend, [], [asked]) == (asked,)


async def test_what_does_not_bound_it_can_be_said_again(vet):
    assert await vet("claude", ["--effort=low"], ["--effort=high"]) == ("--effort=low", "--effort=high")


async def test_a_flag_is_counted_as_the_request_has_it(vet):
    looking = vet("claude", ["--effort=low", "--tools=Read"], ["--effort=high", "--yolo", "--tools=Bash"])
    assert await faults(looking) == [
        ("/extra/1", "'--yolo' may not be passed on"),
        ("/extra/2", "'--tools=Bash' is for the server to say"),
    ]


BOUNDS = [
    {"workdirs": Bounds(allowed=("{}/in",))},
    {"workdirs": Bounds(blocked=("{}/secret", "/etc"))},
    {"grants": {"ci": Grant("ci", workdirs=("{}/in",))}},
]


def bounds_of(tmp_path, bounds):
    def placed(paths):
        return tuple(path.format(tmp_path) for path in paths)

    if "grants" in bounds:
        return {
            "grants": {"ci": replace(bounds["grants"]["ci"], workdirs=placed(bounds["grants"]["ci"].workdirs))}
        }
    return {"workdirs": Bounds(placed(bounds["workdirs"].allowed), placed(bounds["workdirs"].blocked))}


@pytest.mark.parametrize("bounds", BOUNDS, ids=["allowed", "blocked", "of a key"])
@pytest.mark.parametrize(
    "value",
    ["/etc", "{0}/in,/etc", "{0}/in/out/secret", "~", "~/x", "../x", "%USERPROFILE%/x", "{0}/in,"],
)  # fmt: skip
async def test_a_folder_that_a_flag_adds_is_bounded_as_the_workdir_is(vet, tmp_path, bounds, value):
    flag = f"--include-directories={value.format(tmp_path)}"
    limits = bounds_of(tmp_path, bounds)
    with pytest.raises(Forbidden):
        await vet("gemini", [], [flag], **limits)
    assert await vet("gemini", [flag], [], **limits) == (flag,)  # what is configured, is wanted so
    assert await vet("gemini", [], [flag]) == (flag,)
    inside = f"--include-directories={tmp_path}/in, {tmp_path}/in/deep"
    assert await vet("gemini", [], [inside], **limits) == (inside,)
