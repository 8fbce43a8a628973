"""What the fuzzer found worth keeping, and each crash that it ever found, by the functions that it fuzzes."""

from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.fuzz.harness import TARGETS

CORPUS = Path(__file__).with_name("corpus")
CEILING = 200 << 10


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_kept_holds(target):
    inputs = {path.name: path.read_bytes() for path in sorted((CORPUS / target).iterdir())}
    assert inputs
    for name, data in inputs.items():
        try:
            TARGETS[target](data)
        except Exception as error:
            raise AssertionError(f"{target}/{name}") from error


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_fuzzer_begins_with_holds(target):
    begun = list(seeds.of(target))
    assert begun
    for seed in begun:
        TARGETS[target](seed)


def test_the_corpus_is_small_and_of_targets_that_there_are():
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) <= CEILING
