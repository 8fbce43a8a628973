"""Names of models mean backends, by rules in a fixed order."""

import pytest

from clinvk.api.dialects.models import Chosen, Models, Offer, in_order

BACKENDS = ("claude", "codex", "gemini", "demo")
PLAIN = Models(BACKENDS, "claude")
CONFIGURED = Models(
    BACKENDS,
    "gemini",
    {
        "claude": Offer(("opus", "haiku"), {"fast": "haiku", "gpt-4": "sonnet", "o1-mine": "opus"}),
        "codex": Offer(("gpt-5.5",), {"my-*": "*", "my-own-*": "gpt-6"}),
        "demo": Offer((), {"o3*": "small", "o*": "*", "local/*": "*"}),
    },
)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("claude", ("claude", None)),
        ("codex", ("codex", None)),
        ("demo", ("demo", None)),
        ("claude-sonnet-4-5", ("claude", "claude-sonnet-4-5")),
        ("Claude-3", ("claude", "Claude-3")),
        ("anthropic/claude-sonnet-4-5", ("claude", "claude-sonnet-4-5")),
        ("anthropic/claude", ("claude", None)),
        ("openrouter/openai/gpt-5", ("codex", "gpt-5")),
        ("openai/o3-mini", ("codex", "o3-mini")),
        ("gpt-5", ("codex", "gpt-5")),
        ("codex/gpt-5", ("codex", "gpt-5")),
        ("o1", ("codex", "o1")),
        ("o4-mini", ("codex", "o4-mini")),
        ("codex-mini-latest", ("codex", "codex-mini-latest")),
        ("gemini-2.5-flash", ("gemini", "gemini-2.5-flash")),
        ("google/gemini-2.5-pro", ("gemini", "gemini-2.5-pro")),
        ("codex:gpt-5", ("codex", "gpt-5")),
        ("claude:opus", ("claude", "opus")),
        ("ft:gpt-4o:mine", ("codex", "ft:gpt-4o:mine")),
    ],
)
def test_a_name_that_a_rule_knows_means_a_backend_and_its_model(name, chosen):
    assert PLAIN.choose(name) == (*chosen, True)


@pytest.mark.parametrize(
    "name", ["llama3:8b", "o1-labs/llama-3", "x", "claud", "o5", "co dex", "codex:", "vendor/", "/", " claud e"]
)
def test_a_name_that_nobody_knows_is_the_default_backends_and_its_cli_is_not_told(name):
    assert PLAIN.choose(name) in (Chosen("claude", None, matched=False), Chosen("codex", name))
    assert PLAIN.choose("llama3:8b") == Chosen("claude", None, matched=False)
    assert CONFIGURED.choose("llama3:8b") == Chosen("gemini", None, matched=False)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("fast", ("claude", "haiku")),
        ("opus", ("claude", "opus")),
        ("gpt-4", ("claude", "sonnet")),
        ("vendor/gpt-4", ("claude", "sonnet")),
        ("gpt-4o", ("codex", "gpt-4o")),
        ("my-model", ("codex", "my-model")),
        ("my-own-model", ("codex", "gpt-6")),
        ("o1-mine", ("claude", "opus")),
        ("o3", ("demo", "small")),
        ("o1", ("demo", "o1")),
        ("codex-mini", ("codex", "codex-mini")),
        ("claude", ("claude", None)),
        ("vendor/fast", ("claude", "haiku")),
        ("vendor/my-own-x", ("codex", "gpt-6")),
        ("vendor/codex:gpt-5", ("codex", "gpt-5")),
        ("local/llama", ("demo", "local/llama")),
    ],
)
def test_what_is_configured_comes_before_what_we_bring_along(name, chosen):
    assert CONFIGURED.choose(name) == (*chosen, True)


def test_an_alias_for_everything_is_the_last_word_but_not_the_first():
    models = Models(BACKENDS, "claude", {"demo": Offer((), {"*": "*", "gpt-*": "small"})})
    assert [models.choose(name) for name in ("anthropic/claude", "openai/gpt-4", "vendor/llama")] == [
        Chosen("claude", None), Chosen("demo", "small"), Chosen("demo", "llama"),
    ]  # fmt: skip


def test_backends_are_listed_first_then_models_then_aliases_that_are_names():
    assert PLAIN.listed(("demo", "gemini", "claude")) == ["claude", "gemini", "demo"]
    assert CONFIGURED.listed(BACKENDS) == [
        "claude", "codex", "gemini", "demo", "opus", "haiku", "gpt-5.5", "fast", "gpt-4", "o1-mine",
    ]  # fmt: skip
    assert CONFIGURED.listed(("demo",)) == ["demo"], "what is disabled offers nothing"


@pytest.mark.parametrize(
    ("name", "known"), [("gpt-4o", True), ("codex", True), ("llama3:8b", False), ("claude-3", False)]
)
def test_a_name_is_known_if_a_rule_is_for_it_and_its_backend_is_there(name, known):
    assert PLAIN.knows(name, ("codex", "demo")) == known


def test_the_known_three_come_first_and_the_others_by_name():
    assert in_order({"zed", "gemini", "demo", "claude"}) == ["claude", "gemini", "demo", "zed"]
