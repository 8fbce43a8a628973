"""POST /openai/v1/chat/completions."""

from typing import TYPE_CHECKING, Final

from clinvk.api.dialects import running
from clinvk.api.dialects.ask import ignored
from clinvk.api.handler import Handler
from clinvk.api.openai.chat_translate import to_ask
from clinvk.api.openai.chat_voice import ChatVoice

if TYPE_CHECKING:
    from clinvk.api.schema_types import ChatRequest

REQUEST: Final = "openai/chat-request"
_PLACES: Final = {"prompt": "/messages", "system_prompt": "/messages"}


async def create(call: Handler) -> None:
    """Go on with a conversation: answered whole, streamed, or only shown."""
    body: ChatRequest = call.body
    chosen = call.services.models.choose(body["model"])
    ask = to_ask(body, chosen.backend, ignored(call.body, call.services.schemas.documents[REQUEST]))
    options = body.get("stream_options") or {}

    def voice(id_: str, created: int) -> ChatVoice:
        return ChatVoice(id_, created, ask.model, include_usage=bool(options.get("include_usage")))

    await running.answer(call, ask, chosen, voice, _PLACES)
