"""POST /anthropic/v1/messages, and /anthropic/v1/messages/count_tokens."""

from typing import TYPE_CHECKING, Final

from clinvk.api.anthropic import counting, translate
from clinvk.api.anthropic.voice import MessageVoice
from clinvk.api.dialects import running
from clinvk.api.dialects.ask import ignored
from clinvk.api.handler import Handler

if TYPE_CHECKING:
    from clinvk.api.schema_types import CountTokensRequest, MessagesRequest

REQUEST: Final = "anthropic/messages-request"
COUNT: Final = "X-Token-Count"
"""The header that says how the tokens were counted."""

_PLACES: Final = {"prompt": "/messages", "system_prompt": "/system"}


async def create(call: Handler) -> None:
    """Go on with a conversation: answered whole, or streamed."""
    body: MessagesRequest = call.body
    chosen = call.services.models.choose(body["model"])
    without_effect = ignored(body, call.services.schemas.documents[REQUEST])
    ask = translate.to_ask(body, chosen.backend, without_effect)
    await running.answer(call, ask, chosen, lambda id_, _: MessageVoice(id_, ask.model), _PLACES)


async def count(call: Handler) -> None:
    """Estimate the tokens of what a CLI would be told. Nothing is started."""
    body: CountTokensRequest = call.body
    chosen = call.services.models.choose(body["model"])
    said = translate.to_conversation(body, chosen.backend)
    call.set_header(COUNT, "estimate")
    call.reply({"input_tokens": counting.tokens(said.prompt + (said.system_prompt or ""))})
