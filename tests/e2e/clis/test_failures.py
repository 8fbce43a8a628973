"""What a user is told when something goes wrong behind the real CLIs, and how often the provider was asked."""

import pytest

from tests import clis
from tests.e2e.clis.conftest import PATIENCE, World
from tests.e2e.conftest import Served

# How often each CLI asks a provider that always fails so. For gemini the user's settings say it, here two.
REQUESTS = {
    "claude": {"400": 6, "403": 1, "429": 4, "500": 4, "529": 3, "drop": 4},
    "codex": {"400": 1, "403": 6, "429": 1, "500": 30, "529": 30, "drop": 30},
    "gemini": {"400": 1, "403": 1, "429": 2, "500": 2, "529": 2, "drop": 2},
}


def failed(world, backend, prompt, **fields):
    """The error of a run that fails."""
    answer = world.ask(backend, prompt, **fields)
    assert (answer["exit_code"], bool(answer["error"])) == (1, True), answer
    return world.run(answer["run_id"])["error"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("400", "provider_error"),
        ("403", "forbidden"),
        ("429", "usage_limit"),
        ("500", "provider_error"),
        ("529", "overloaded"),
        ("drop", "network"),
    ],
)
def test_a_provider_that_fails_is_named_and_not_asked_for_ever(world, backend, error, code):
    prompt = f"fail with {error} for {backend} [[error={error}]]"
    told = failed(world, backend, prompt)
    assert told["code"] == code
    assert told["message"][:1].isupper()
    assert len(world.requests(f"fail with {error} for {backend}")) == REQUESTS[backend][error]


def test_a_provider_that_fails_once_is_asked_again(world, backend):
    answer = world.ask(backend, f"once is no harm {backend} [[error=500 times=1]]")
    assert (answer["exit_code"], answer["output"]) == (0, f"you said: once is no harm {backend}")
    assert len(world.requests(f"once is no harm {backend}")) == 2


def test_an_unknown_model_is_named(world, backend):
    told = failed(world, backend, "hello", model="no-such-model")
    assert told["code"] == "model_not_found"


def test_a_usage_limit_is_told_and_when_it_ends_if_the_cli_says_so(world, backend):
    told = failed(world, backend, f"limit {backend} [[usage_limit=3000]]")
    assert told["code"] == "usage_limit"
    assert 2000 < told.get("retry_after_secs", 2500) <= 3000


def test_a_key_that_is_refused_is_told_with_the_cure(serve, backend):
    world = serve(key="sk-bad")
    told = failed(world, backend, "hello")
    assert told["code"] == "not_authenticated"
    assert backend in told["message"].lower()
    world.nothing_left()


def test_nobody_logged_in_is_told_with_the_cure_and_asks_nothing(serve, backend):
    world = serve(key=None)
    told = failed(world, backend, f"nobody is here {backend}")
    assert told["code"] == "not_authenticated"
    cures = {"claude": "/login", "codex": "backends.codex.pass_env", "gemini": "choose a login"}
    assert cures[backend] in told["message"]
    assert not world.requests(f"nobody is here {backend}")
    world.nothing_left()


def test_codex_without_any_account_says_so_at_once(stub, tmp_path):
    """It would ask OpenAI without a key, and again and again."""
    more = clis.environment(tmp_path, f"http://127.0.0.1:{stub.port}", None)
    (tmp_path / ".codex" / "config.toml").unlink()
    world = World(Served(tmp_path, more=more), stub, tmp_path)
    told = failed(world, "codex", "hello", timeout_secs=PATIENCE / 2)
    world.served.end()
    assert told["code"] == "not_authenticated"
    assert "run `codex login`" in told["message"]


def test_a_provider_that_cannot_be_reached_is_told_in_bounded_time(serve, backend):
    world = serve(url=clis.NOWHERE)
    told = failed(world, backend, "hello")
    assert told["code"] == "network"
    world.nothing_left()


def test_a_stream_that_breaks_says_its_text_once(world, backend):
    """Healed by another request where the CLI does that; a failure, said as one, where it does not."""
    answer = world.ask(backend, f"break once {backend} [[error=dropmid times=1]]")
    if answer["exit_code"] == 0:
        assert answer["output"] == f"you said: break once {backend}"
    else:
        assert world.run(answer["run_id"])["error"]["code"] == "network"


def test_an_error_in_the_stream_is_a_failure_or_is_healed_but_never_half_an_answer(world, backend):
    answer = world.ask(backend, f"stream error {backend} [[error=stream]]")
    if answer["exit_code"] == 0:
        assert answer["output"] == f"you said: stream error {backend}"
    else:
        assert world.run(answer["run_id"])["error"]["code"] in {"overloaded", "provider_error"}


def test_a_provider_that_hangs_is_given_up_when_time_is_up(world, backend):
    told = failed(world, backend, f"hang {backend} [[error=hang]]", timeout_secs=6)
    assert told["code"] == "timeout"
    assert "6 s" in told["message"]


def test_a_body_that_is_no_answer_is_a_failure(world, backend):
    told = failed(world, backend, f"nonsense {backend} [[error=garbage]]")
    assert told["code"] in {"protocol", "provider_error", "network", "backend_failed"}


def test_an_answer_cut_at_the_token_limit_is_told_where_the_cli_tells_it(world, backend):
    """claude goes on by itself, and gemini says nothing of it."""
    events = world.events(backend, f"cut {backend} [[stop=length]]")
    (done,) = [event for event in events if event["type"] == "turn.done"]
    assert done.get("stop_reason") == {"claude": "end_turn", "codex": "max_tokens", "gemini": "end_turn"}[backend]


def test_a_key_that_codex_wants_by_another_name_is_passed_on_where_that_is_configured(stub, tmp_path):
    more = clis.environment(tmp_path, f"http://127.0.0.1:{stub.port}", None) | {
        "MY_KEY": clis.KEY,
        "OTHER_KEY": "x",
    }
    config = tmp_path / ".codex" / "config.toml"
    config.write_text(config.read_text().replace("CODEX_API_KEY", "MY_KEY"))
    for configured in (False, True):
        if configured:
            (tmp_path / "clinvk").mkdir(exist_ok=True)
            (tmp_path / "clinvk" / "config.yaml").write_text("backends:\n  codex:\n    pass_env: [MY_KEY]\n")
        world = World(Served(tmp_path, more=more), stub, tmp_path)
        answer = world.ask("codex", "by another name")
        names = world.run(answer["run_id"])["command"]["env_names"]
        world.served.end()
        assert ("MY_KEY" in names, "OTHER_KEY" in names) == (configured, False)
        assert configured or "backends.codex.pass_env" in answer["error"]
    assert answer["output"] == "you said: by another name"
