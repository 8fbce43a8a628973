"""Whether memory is short, by what a machine and its groups tell."""

import pytest

from clinvk.supervisor import pressure


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Asks with a machine, and a group in a group, of that much."""

    def tell(machine=(50, 100), outer=None, inner=None):
        groups = tmp_path / "groups"
        (groups / "a" / "b").mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(pressure, "_GROUPS", groups)
        for folder, bound in ((groups / "a", outer), (groups / "a" / "b", inner)):
            if bound is not None:
                used, most, inactive = bound
                (folder / "memory.max").write_text(f"{most}\n")
                (folder / "memory.current").write_text(f"{used}\n")
                (folder / "memory.stat").write_text(f"anon 1\ninactive_file {inactive}\n")
        meminfo = tmp_path / "meminfo"
        meminfo.write_text(f"MemTotal: {machine[1]} kB\nMemFree: 1 kB\nMemAvailable: {machine[0]} kB\n")
        own = tmp_path / "cgroup"
        own.write_text("0::/a/b\n")
        return pressure.is_high(meminfo, own)

    return tell


def test_a_machine_is_short_with_less_than_a_twentieth_left(told):
    assert not told(machine=(5, 100))
    assert told(machine=(4, 100))


@pytest.mark.parametrize("which", ["outer", "inner"])
def test_so_is_any_group_that_we_are_in(told, which):
    assert not told(**{which: (900, 1000, 0)})
    assert told(**{which: (960, 1000, 0)})


def test_what_a_group_has_read_and_can_let_go_counts_as_free(told):
    assert not told(inner=(990, 1000, 500))


def test_a_group_without_a_bound_is_none(told):
    assert not told(inner=(10, "max", 0))


def test_what_cannot_be_read_says_nothing(tmp_path):
    assert not pressure.is_high(tmp_path / "none", tmp_path / "none")
    (tmp_path / "odd").write_text("MemTotal: many\n")
    assert not pressure.is_high(tmp_path / "odd", tmp_path / "odd")


def test_this_machine_can_be_asked():
    assert pressure.is_high() in {True, False}
