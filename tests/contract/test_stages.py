"""The stages with what has to be installed cannot pass by running nothing."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "scripts" / "stages.py"


@pytest.fixture
def stages():
    spec = importlib.util.spec_from_file_location("stages", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def report(tmp_path):
    """What pytest reports of one test that passes, one that fails, one that is skipped, one that breaks."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert False\n"
        "@pytest.mark.skip(reason='no CLI')\n"
        "def test_skipped(): pass\n"
        "@pytest.fixture\n"
        "def broken(): raise ValueError\n"
        "def test_broken(broken): pass\n"
    )
    path = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={path}", str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, check=False, stdout=subprocess.DEVNULL)
    return path


def test_only_what_ran_and_passed_is_counted(stages, report):
    assert stages.count_passed(report) == 1


@pytest.mark.parametrize(("stage", "known"), [("sdks", "SDK_TESTS"), ("clis", "CLI_TESTS")])
@pytest.mark.parametrize("passed", [0, 199, 200, 201])
def test_too_few_of_them_fail_the_stage(stages, monkeypatch, stage, known, passed):
    monkeypatch.setattr(stages, known, 200)
    monkeypatch.setattr(stages, "run", lambda *_, **__: 0)
    monkeypatch.setattr(stages, "count_passed", lambda _: passed)
    if passed >= 200:
        assert stages.STAGES[stage]([]) == f"ok, {passed} tests"
    else:
        with pytest.raises(stages.StageFailed, match=f"only {passed} of 200"):
            stages.STAGES[stage]([])


@pytest.mark.parametrize("stage", ["sdks", "clis"])
def test_without_a_registry_it_says_so_loudly(stages, monkeypatch, capfd, stage):
    monkeypatch.setattr(stages, "run", lambda *_, **__: stages.NO_REGISTRY)
    assert stages.STAGES[stage]([]).startswith("SKIPPED")
    assert f"!! SKIPPED: scripts/install-{stage} reaches no registry" in capfd.readouterr().out
