"""POST /openai/v1/responses."""

from typing import TYPE_CHECKING, Final

from clinvk.api.dialects import running
from clinvk.api.dialects.ask import ignored
from clinvk.api.handler import Handler
from clinvk.api.openai.responses_translate import to_ask, to_asked
from clinvk.api.openai.responses_voice import ResponsesVoice

if TYPE_CHECKING:
    from clinvk.api.schema_types import ResponsesRequest

REQUEST: Final = "openai/responses-request"
_PLACES: Final = {"prompt": "/input", "system_prompt": "/instructions"}


async def create(call: Handler) -> None:
    """Answer the conversation in the request. Nothing of it is kept to go on with."""
    body: ResponsesRequest = call.body
    chosen = call.services.models.choose(body["model"])
    ask = to_ask(body, chosen.backend, ignored(call.body, call.services.schemas.documents[REQUEST]))
    asked = to_asked(body)
    await running.answer(call, ask, chosen, lambda id_, created: ResponsesVoice(id_, created, asked), _PLACES)
