"""Google's Gemini API, as the gemini CLI speaks it: the model and whether to stream stand in the path."""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.modelstub.ask import REASONING_TOKENS, THOUGHT, Ask, Call, Conversation, understand
from tests.modelstub.refusal import Refusal
from tests.modelstub.wire import Event, Request, Whole

Part = dict[str, Any]

_NAMES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_TYPE: Final = "type.googleapis.com/google.rpc."
_QUOTA: Final = {
    "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
    "quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
}


def read(request: Request) -> Ask:
    body = request.json()
    conversation = Conversation()
    contents = body.get("contents") or []
    for content in contents:
        if content.get("role", "user") == "user":
            _hear(conversation, content.get("parts") or [])
    declared = [each for tool in body.get("tools") or [] for each in tool.get("functionDeclarations", [])]
    settings = body.get("generationConfig") or {}
    schema = settings.get("responseJsonSchema") or settings.get("responseSchema") or {}
    return understand(
        conversation,
        len(request.body),
        model=request.path.rpartition("/")[2].partition(":")[0],
        stream=request.path.endswith(":streamGenerateContent"),
        turns=len(contents),
        offered=tuple(each.get("name", "") for each in declared),
        schema=schema if settings.get("responseMimeType") == "application/json" else None,
    )


def _hear(conversation: Conversation, parts: list[Part]) -> None:
    for part in parts:
        if "functionResponse" in part:
            response = part["functionResponse"].get("response")
            told = isinstance(response, dict) and "output" in response
            conversation.result(str(response["output"]) if told else json.dumps(response))
    conversation.user(part["text"] for part in parts if "text" in part)


def whole(ask: Ask, number: int) -> Whole:
    parts, pieces = _content(ask)
    texts = [{"text": "".join(pieces)}] if pieces else []
    chunk = _chunk(ask, number, parts + texts, _stop(ask))
    return Whole(200, {**chunk, "usageMetadata": _usage(ask, len(pieces))})


def events(ask: Ask, number: int) -> Iterator[Event]:
    parts, pieces = _content(ask)
    if ask.directives.think:
        yield Event(_chunk(ask, number, [{"text": f"**Stub** {THOUGHT}", "thought": True}]))
    if parts:
        yield Event(_chunk(ask, number, parts))
    for piece, text in enumerate(pieces):
        yield Event(_chunk(ask, number, [{"text": text}]), piece=piece)
    end = _chunk(ask, number, [{"text": ""}], _stop(ask))
    yield Event({**end, "usageMetadata": _usage(ask, len(pieces))})


def broken(ask: Ask, number: int) -> Event:
    """How a stream says that it fails."""
    return Event({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})


def refuse(refusal: Refusal) -> Whole:
    status, sentence, details = refusal.status, refusal.sentence, _details(refusal)
    if refusal.bad_key:
        status, sentence = 400, "API key not valid. Please pass a valid API key."
    if sentence.startswith("model: "):
        sentence = f"models/{sentence[7:]} is not found for API version v1beta, or is not supported."
    error = {"code": status, "message": sentence, "status": _NAMES.get(status, "UNKNOWN"), "details": details}
    return Whole(status, {"error": error}, refusal.headers())


def _details(refusal: Refusal) -> list[dict[str, Any]]:
    if refusal.bad_key:
        return [{"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    wait = refusal.retry_after if refusal.resets_in is None else refusal.resets_in
    details: list[dict[str, Any]] = []
    if refusal.resets_in is not None:
        details.append({"@type": f"{_TYPE}QuotaFailure", "violations": [_QUOTA]})
    if wait is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{wait:g}s"})
    return details


def _content(ask: Ask) -> tuple[list[Part], tuple[str, ...]]:
    """The parts of a tool call, or the pieces of the text."""
    match ask.answer():
        case Call(name=name, arguments=arguments):
            return [{"functionCall": {"name": name, "args": arguments}, "thoughtSignature": "c3R1Yg=="}], ()
        case text:
            return [], text.pieces


def _chunk(ask: Ask, number: int, parts: list[Part], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"modelVersion": ask.model, "responseId": f"stub{number:06d}", "candidates": [candidate]}


def _stop(ask: Ask) -> str:
    return "MAX_TOKENS" if ask.cut_short else "STOP"


def _usage(ask: Ask, output_tokens: int) -> dict[str, Any]:
    return {
        "promptTokenCount": ask.input_tokens,
        "candidatesTokenCount": max(1, output_tokens),
        "cachedContentTokenCount": ask.cached_tokens,
        "thoughtsTokenCount": REASONING_TOKENS,
        "totalTokenCount": ask.input_tokens + max(1, output_tokens) + REASONING_TOKENS,
    }
