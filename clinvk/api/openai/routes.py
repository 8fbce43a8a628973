"""The routes of the OpenAI-compatible API."""

from typing import Final

from clinvk.api import meta
from clinvk.api.openai import chat, models, responses
from clinvk.api.openai.chat_voice import ChatVoice
from clinvk.api.openai.responses_voice import Asked, ResponsesVoice
from clinvk.api.problems import Kind
from clinvk.api.routes import JSON, SSE, Answer, Parameter, Route
from clinvk.api.starting import DIALECT_HEADER, KEY, OF_A_DIALECT
from clinvk.domain.spec import Dialect

_MODEL: Final = Parameter(
    "model",
    "path",
    "The name. What stands before a slash is the vendor's; a slash may be escaped, and need not be.",
    {"type": "string", "examples": ["claude-sonnet-4-5"]},
)

ROUTES: Final = (
    Route(
        "POST", "/openai/v1/chat/completions", chat.create, "createChatCompletion", "Go on with a conversation",
        "openai",
        {
            200: Answer(
                "The answer; with `stream` its chunks as they come, then `[DONE]`. Its head is held until there is"
                " something to say, ten seconds at most: what fails before that has a status of its own.",
                {JSON: "openai/chat-completion", SSE: "openai/chat-chunk"},
                DIALECT_HEADER,
            ),
        },
        OF_A_DIALECT,
        request=chat.REQUEST,
        dialect=Dialect.OPENAI,
        voice=lambda id_, created: ChatVoice(id_, created, "demo"),
        parameters=(KEY,),
        description="OpenAI's Chat Completions, without a memory: each request brings its whole conversation. A"
        " client that leaves stops its run.",
    ),
    Route(
        "POST", "/openai/v1/responses", responses.create, "createResponse", "Go on with a conversation, in items",
        "openai",
        {
            200: Answer(
                "The answer; with `stream` its events as they come. The head is held until there is something to"
                " say, ten seconds at most: what fails before that has a status of its own.",
                {JSON: "openai/response", SSE: "openai/response-event"},
                DIALECT_HEADER,
            ),
        },
        OF_A_DIALECT,
        request=responses.REQUEST,
        dialect=Dialect.OPENAI,
        voice=lambda id_, created: ResponsesVoice(id_, created, Asked("demo")),
        parameters=(KEY,),
        description="OpenAI's Responses, without a memory: each request brings its whole conversation, and what"
        " needs an earlier response is refused. A client that leaves stops its run.",
    ),
    Route(
        "GET", "/openai/v1/models", models.list_models, "listOpenaiModels", "The names that can be asked for",
        "openai", {200: Answer("Backends, then the models and aliases of the settings.",
                               {JSON: "openai/model-list"})},
        dialect=Dialect.OPENAI,
    ),
    Route(
        "GET", "/openai/v1/models/{model}", models.get_model, "getOpenaiModel", "One name", "openai",
        {200: Answer("It can be asked for, be it in the list or not.", {JSON: "openai/model"})},
        (Kind.INVALID_REQUEST, Kind.MODEL_NOT_FOUND), dialect=Dialect.OPENAI, parameters=(_MODEL,),
        description="Also for names that the list lacks, where a rule says whose they are.",
    ),
    Route(
        "GET", "/openai/v1", meta.root, "getOpenaiRoot", "Is there anything?", "openai",
        {200: Answer("Name, version and links.", {JSON: "native/root"})}, dialect=Dialect.OPENAI,
        description="For clients that look at their base URL first.",
    ),
)  # fmt: skip
