"""What gemini does its own way, as an ACP agent."""

import re
from typing import Final

from clinvk.backends import failures, json_lines
from clinvk.backends.acp import endings
from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.failures import Cures
from clinvk.backends.gemini import text
from clinvk.backends.json_lines import Malformed, Message
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage

CURES: Final = Cures("gemini", "run `gemini` once and choose a login, or set GEMINI_API_KEY")

_LOGIN_PAGE: Final = "visit the following URL to authorize"
_BAD_KEY: Final = re.compile(r"API key not valid|API_KEY_INVALID|API key expired", re.IGNORECASE)
_NO_MODEL: Final = re.compile(r"is not found for API version|entity was not found|model not found", re.IGNORECASE)
_BROKEN_OFF: Final = re.compile(r"Incomplete JSON segment")
_NUMBERED: Final = re.compile(r"_\d{13}_(\d+)$")
_UNKNOWN: Final = 500
"""The code of every failure that had no HTTP status, and of those that had this one."""


def load_as(conversation: str) -> str:
    """The id to load a conversation by: gemini looks it up without the blank, and writes with it.

    Before it reads the conversation it begins an empty one under the id it was given, in a file named by
    minute and id: within the minute that is the file it is about to read, and the conversation is lost.
    """
    return f" {conversation}"


def preamble(spec: RunSpec) -> str | None:
    """Gemini takes no addition to its system prompt; one in its place is in the environment."""
    if spec.system_prompt is None or spec.replace_system_prompt:
        return None
    return f"<instructions>\n{spec.system_prompt}\n</instructions>\n"


def same_round(tool: str) -> bool:
    """Gemini runs the calls of one request one by one, and numbers them from 0; not if the model did."""
    number = _NUMBERED.search(tool)
    return number is None or number[1] != "0"


def tool_name(call: Message) -> str:
    """Gemini puts the tool's name before the call's id."""
    return json_lines.text(call, "toolCallId").partition("__")[0]


def failure(error: Message, cures: Cures) -> RunError | None:
    """What gemini's errors mean beyond the protocol: the code is an HTTP status, or 500 for all else."""
    code, told = error.get("code"), endings.words_of(error)
    said = text.unwrapped(told)
    if _BAD_KEY.search(told):
        return failures.not_logged_in(cures, said)
    if _NO_MODEL.search(said):
        return failures.by_status(404, said, cures)
    if code == _UNKNOWN and said is told:  # in prose: no answer of the provider's
        if _BROKEN_OFF.search(said):
            return failures.network(said)
        return failures.by_words(said, cures)
    if isinstance(code, int) and 400 <= code < 600:
        return failures.by_status(code, said, cures, text.wait_of(said))
    return None


def usage(result: Message) -> Usage | None:
    """The tokens of the turn. Gemini tells neither cached nor reasoning tokens here."""
    counts = _counts(result)
    if counts is None:
        return None
    try:
        return Usage(json_lines.count(counts, "input_tokens"), json_lines.count(counts, "output_tokens"))
    except Malformed:
        return None


def unfinished(result: Message) -> RunError | None:
    """Gemini says `end_turn` of a stream that broke off for good, too; no finished request costs nothing."""
    spent = usage(result)
    if spent is None or spent.input_tokens or spent.output_tokens:
        return None
    said = "The model's answer broke off, or was blocked, and gemini tried again in vain; send the prompt again"
    return RunError(ErrorCode.PROVIDER_ERROR, said)


def stray(said: str) -> RunError | None:
    """Gemini asks for a login on stdout, and waits for ever."""
    return failures.not_logged_in(CURES) if _LOGIN_PAGE in said else None


def _counts(result: Message) -> Message | None:
    match result:
        case {"_meta": {"quota": {"token_count": {} as counts}}}:
            return {str(name): value for name, value in counts.items()}
        case _:
            return None


QUIRKS: Final = Quirks(
    cures=CURES,
    fenced=True,
    load_as=load_as,
    plain=text.plain,
    preamble=preamble,
    same_round=same_round,
    tool_name=tool_name,
    failure=failure,
    usage=usage,
    unfinished=unfinished,
    stray=stray,
)
