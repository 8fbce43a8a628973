"""llm-comply holds the vendors' own descriptions of their APIs against a server: what it finds is pinned."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sdks import bench

TOOLS = "it forces the model to call a tool of the client's, which an agent CLI cannot"
IMAGES = "it sends an image, which is not passed on to any CLI"


@dataclass(frozen=True)
class Format:
    """One API: where it is, a model that no check is skipped for, and the checks; why those fail that do."""

    base: str
    model: str
    passed: frozenset[str]
    failed: dict[str, str]


FORMATS = {
    "openai-chat": Format(
        "/openai/v1", "gpt-5",
        frozenset({
            "chat-basic-response", "chat-system-prompt", "chat-multi-turn", "chat-streaming-response",
            "chat-streaming-usage", "chat-reasoning-summary", "chat-error-handling",
        }),
        {"chat-tool-calling": TOOLS, "chat-image-input": IMAGES},
    ),
    "anthropic": Format(
        "/anthropic/v1", "claude-sonnet-4-5",
        frozenset({
            "anth-basic-response", "anth-system-prompt", "anth-multi-turn", "anth-streaming-response",
            "anth-streaming-usage", "anth-thinking-display", "anth-error-handling",
        }),
        {"anth-tool-calling": TOOLS, "anth-image-input": IMAGES},
    ),
    "open-responses": Format(
        "/openai/v1", "gpt-5",
        frozenset({
            "basic-response", "system-prompt", "multi-turn", "streaming-response", "streaming-usage",
            "assistant-phase", "response-output-phase-schema", "reasoning-summary", "error-handling",
            "compact-response", "compact-missing-model",  # pass with a 404: it takes them for optional
        }),
        {"tool-calling": TOOLS, "image-input": IMAGES},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_what_passes_and_what_does_not_is_known(name, served, tmp_path):
    format_ = FORMATS[name]
    # By way of the interpreter: the script's own "#!" line breaks where the checkout's path is long.
    command = [bench.SDKS / "newest" / "bin" / "python", "-I", bench.SDKS / "newest" / "bin" / "llm-comply"]
    where = f"http://127.0.0.1:{served.port}{format_.base}"
    asked = ["--format", name, "-u", where, "-m", format_.model, "-k", bench.KEY, "--json"]
    done = subprocess.run(
        [*command, *asked], env=bench.environment(served.port, tmp_path), capture_output=True, text=True,
        timeout=bench.PATIENCE, check=False,
    )  # fmt: skip
    found = {each["id"]: each for each in json.loads(done.stdout)["results"]}
    by_status = {
        status: {id_ for id_, each in found.items() if each["status"] == status}
        for status in ("passed", "failed", "skipped")
    }
    expected = {"passed": format_.passed, "failed": set(format_.failed), "skipped": set()}
    assert by_status == expected, found


@pytest.mark.parametrize("name", FORMATS)
def test_the_recipes_tell_what_fails(name):
    format_ = FORMATS[name]
    failed = ", ".join(f"`{each}`" for each in format_.failed)
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
    assert f"| `{name}` | {len(format_.passed)} | {failed} |" in page
