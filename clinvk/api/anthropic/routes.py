"""The routes of the Anthropic-compatible API."""

from typing import Final

from clinvk.api import meta
from clinvk.api.anthropic import messages, models
from clinvk.api.anthropic.voice import MessageVoice
from clinvk.api.problems import Kind
from clinvk.api.routes import JSON, SSE, Answer, Parameter, Route, query
from clinvk.api.starting import DIALECT_HEADER, KEY, OF_A_DIALECT, SENT_BODY
from clinvk.domain.spec import Dialect

_TAG: Final = "anthropic"
_ROOT: Final = {200: Answer("Name, version and links.", {JSON: "native/root"})}
_MODEL: Final = ["claude"]


ROUTES: Final = (
    Route(
        "POST", "/anthropic/v1/messages", messages.create, "createMessage", "Go on with a conversation", _TAG,
        {
            200: Answer(
                "The answer; with `stream` its events as they come.",
                {JSON: "anthropic/message", SSE: "anthropic/stream-event"},
                DIALECT_HEADER,
            )
        },
        OF_A_DIALECT,
        request=messages.REQUEST,
        dialect=Dialect.ANTHROPIC,
        voice=lambda id_, _: MessageVoice(id_, "demo"),
        parameters=(KEY,),
        description="The conversation is that of the request and no other: nothing of it is kept to be gone on"
        " with. Query parameters, `anthropic-version` and `anthropic-beta` have no effect. A client that leaves"
        " stops its run.",
    ),
    Route(
        "POST", "/anthropic/v1/messages/count_tokens", messages.count, "countTokens",
        "Estimate the tokens of a conversation", _TAG,
        {
            200: Answer(
                "The estimate.",
                {JSON: "anthropic/token-count"},
                {messages.COUNT: "`estimate`: the tokens are not those of a model."},
            )
        },
        (Kind.INVALID_REQUEST, Kind.UNSUPPORTED, *SENT_BODY),
        request="anthropic/count-tokens-request",
        dialect=Dialect.ANTHROPIC,
        description="Made from the text of the prompt and the system prompt alone: a quarter of a token for each"
        " ASCII character, half of one for other characters of two bytes in UTF-8, one for those of three, two for"
        " those of four. No run is started.",
    ),
    Route(
        "GET", "/anthropic/v1/models", models.list_models, "listAnthropicModels", "What can be asked for", _TAG,
        {200: Answer("A page of names.", {JSON: "anthropic/model-list"})},
        (Kind.INVALID_REQUEST,),
        dialect=Dialect.ANTHROPIC,
        parameters=(
            query("limit", "How many; 20 if not given.", type="integer", minimum=1, maximum=1000, examples=[20]),
            query("after_id", "Only what comes after that name.", type="string", examples=_MODEL),
            query("before_id", "Only what comes before that name, the nearest to it.", type="string",
                   examples=_MODEL),
        ),
    ),
    Route(
        "GET", "/anthropic/v1/models/{model}", models.get_model, "getAnthropicModel", "One name to ask for", _TAG,
        {200: Answer("It can be asked for.", {JSON: "anthropic/model"})},
        (Kind.INVALID_REQUEST, Kind.MODEL_NOT_FOUND),
        dialect=Dialect.ANTHROPIC,
        parameters=(
            Parameter("model", "path", "The name; slashes may stand in it as they are.",
                      {"type": "string", "examples": ["claude-sonnet-4-5"]}),
        ),
        description="Names that are not listed are found too, where a rule is for them: those of a family, those"
        " that an alias with `*` fits, `BACKEND:MODEL`.",
    ),
    *(
        Route("GET", path, meta.root, name, "Is anybody there?", _TAG, _ROOT, dialect=Dialect.ANTHROPIC)
        for path, name in (
            ("/anthropic", "getAnthropic"),
            ("/anthropic/v1", "getAnthropicV1"),
            ("/api/hello", "getHello"),
        )
    ),
)  # fmt: skip
