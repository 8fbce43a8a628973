"""What is typed into a filter bar finds what it says."""

import pytest

from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import RunState
from clinvk.domain.spec import Dialect
from clinvk.views import RunView
from tests.tui.samples import a_run
from tui.lists.filters import WrongFilter, read
from tui.screens.run_columns import run_vocabulary

RUN = a_run(
    1,
    RunState.FAILED,
    prompt_preview="Explain the Analytical Engine",
    backend="claude",
    model="sonnet-5",
    session_id="ses_42",
    client="10.0.0.7",
    key_label="night build",
    dialect=Dialect.OPENAI,
    error=RunError(ErrorCode.USAGE_LIMIT, "the limit is reached"),
)
VOCABULARY = run_vocabulary({RUN.id})


def finds(typed: str, run: RunView = RUN) -> bool:
    wanted = read(typed, VOCABULARY)
    assert wanted is not None
    return wanted.matches(run, VOCABULARY.text(run).lower())


@pytest.mark.parametrize(
    "typed",
    [
        "engine",
        "ENGINE explain",
        '"the analytical"',
        RUN.id,
        "sonnet",
        "claude",
        "ses_42",
        "10.0.0.7",
        "night",
        "limit",
        "usage_limit",
        "state:failed",
        "state:fa",
        "state:ended",
        "state:live,failed",
        "STATE:Failed",
        "backend:claude",
        "backend:cl",
        'backend:"claude"',
        "backend:codex,claude",
        'key:"night build"',
        "model:5",
        "session:ses_4",
        "dialect:openai",
        "start:cold",
        "start:c",
        "-start:warm,live",
        "is:marked",
        "-haiku",
        "-state:live",
        "-backend:codex,gemini",
        "engine state:failed -dialect:native",
    ],
)
def test_it_finds_the_run(typed: str) -> None:
    assert finds(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "haiku",
        "engine haiku",
        '"engine analytical"',
        "-engine",
        "state:live",
        "-state:failed",
        "-state:live,failed",
        "backend:codex",
        'backend:"claud"',
        "dialect:native",
        "key:day",
        "start:warm",
        "-start:cold",
        "-is:marked",
        "engine state:running",
    ],
)
def test_it_does_not_find_the_run(typed: str) -> None:
    assert not finds(typed)


@pytest.mark.parametrize("typed", ["", "  ", '""', "-"])
def test_nothing_typed_is_no_filter(typed: str) -> None:
    assert read(typed, VOCABULARY) is None


def test_a_quote_that_is_still_open_is_one_while_it_is_typed() -> None:
    assert finds('"analytical eng')


def test_an_unmarked_run_is_not_found_as_marked() -> None:
    assert not finds("is:marked", a_run(2))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("foo:bar", "foo: is no field: state backend .*; or quote it"),
        ("state:gone", "state: is one of live, ended, lingering, queued"),
        ("state:", "state: of what\\? It is one of live"),
        ("backend:", "Say backend:something"),
        ("is:red", "is: is one of marked"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_is_right(typed: str, told: str) -> None:
    with pytest.raises(WrongFilter, match=told):
        read(typed, VOCABULARY)


def test_a_colon_in_quotes_is_no_field() -> None:
    assert finds('"http://"', a_run(3, prompt_preview="fetch http://example.com"))
