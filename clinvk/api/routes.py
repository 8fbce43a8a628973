"""The shape of a route. The table of them is what the application and the OpenAPI document are made from."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from clinvk.api.problems import Kind
from clinvk.domain.spec import Dialect
from clinvk.schemas import Checker

if TYPE_CHECKING:
    from clinvk.api.dialects.voice import Voice
    from clinvk.api.handler import Handler
    from clinvk.api.services import Services

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
SSE: Final = "text/event-stream"
HTML: Final = "text/html"


@dataclass(frozen=True)
class Parameter:
    """One parameter of path, query or header; `schema` is its JSON Schema."""

    name: str
    place: str
    description: str
    schema: Mapping[str, Any]

    @cached_property
    def checker(self) -> Checker:
        """The compiled schema."""
        return Checker(self.schema)


def query(name: str, description: str, **schema: Any) -> Parameter:
    """A parameter of the query, which may always be left out."""
    return Parameter(name, "query", description, schema)


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back: the schema by name, or by media type where there are several."""

    description: str
    content: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. An operation that is not in the table does not exist.

    `voice` is how a dialect answers a plain request: by the id of the answer, less its beginning, and the second
    of the epoch that it was created at. The specification has its example from there.
    """

    method: str
    path: str
    endpoint: "Callable[[Handler], Awaitable[None]]"
    name: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    problems: tuple[Kind, ...] = ()
    request: str | None = None
    needs_body: bool = True
    """False where a request without a body is one with `{}`."""
    open: "bool | Callable[[Services], bool]" = False
    """Whether it is served without an API key too; a function where the settings decide."""
    unlimited: bool = False
    """Whether it counts for no rate limit, nor is refused by one."""
    dialect: Dialect = Dialect.NATIVE
    voice: "Callable[[str, int], Voice] | None" = None
    parameters: tuple[Parameter, ...] = ()
    description: str = ""

    def is_open(self, services: "Services") -> bool:
        """Whether it is served without an API key too, as things are."""
        return self.open(services) if callable(self.open) else self.open
