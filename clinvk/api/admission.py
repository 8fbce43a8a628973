"""Whether a request is taken: all that its head decides, before anything of its body is read."""

import re
from typing import TYPE_CHECKING, Final

from tornado.httputil import HTTPHeaders

from clinvk.api import cors, guards, peers
from clinvk.api.body import Body
from clinvk.api.problems import Kind, Problem
from clinvk.domain.access import Grant

if TYPE_CHECKING:
    from clinvk.api.handler import Handler

_BEARER: Final = re.compile("bearer +(.+)", re.IGNORECASE)
_NOT_KNOWN: Final = {"WWW-Authenticate": 'Bearer realm="clinvk", error="invalid_token"'}


def refusal(call: "Handler") -> Problem | None:
    """Why it is not taken; what is taken has what its key grants, and the headers that its answer needs."""
    try:
        _admit(call)
    except Problem as problem:
        return problem
    return None


def _admit(call: "Handler") -> None:
    """In this order, so that whoever may not ask is told nothing but that. Raises Problem."""
    request, services = call.request, call.services
    headers, bounds = request.headers, services.bounds
    for host in {headers.get("Host"), call.client.host}:  # a proxy may have another
        guards.check_host(host, bounds.allowed_hosts)
    bounds.cors.check(headers.get("Origin"), call.client)
    for name, value in bounds.cors.of_answer(headers.get("Origin")).items():
        call.tell(name, value)
    peers.check(request, services)
    if cors.is_preflight(request):
        return
    try:
        call.grant = _unlocked(call)
    except Problem:
        services.rates.check(call.client.address, None)  # with a rate limit, whoever guesses keys is slowed down
        raise
    call.access.key_label = call.grant.label if call.grant else None
    if not (call.route and call.route.unlimited):
        services.rates.check(call.client.address, call.grant)
    _check_body(call)


def check_again(call: "Handler") -> None:
    """Once its body is in: keys may have come or gone since its head was. Raises Problem."""
    if call.services.keyring is not call.keyring and not cors.is_preflight(call.request):
        call.grant = _unlocked(call)


def keys(headers: HTTPHeaders) -> list[str]:
    """The API keys that a request shows. One that stands in a header twice is none that anybody has."""
    bearer = _BEARER.fullmatch(headers.get("Authorization", ""))
    shown = (bearer[1] if bearer else "", headers.get("X-Api-Key", ""))
    # Headers come as Latin-1, whatever they are: a key is its bytes.
    return [key.encode("latin-1").decode(errors="surrogateescape") for key in shown if key]


def needs_key() -> Problem:
    """What to say where none was shown."""
    told = "This server asks for an API key: send it as `Authorization: Bearer KEY` or as `X-Api-Key: KEY`"
    return Problem(Kind.UNAUTHORIZED, told)


def _unlocked(call: "Handler") -> Grant | None:
    """What the key grants; None where none is asked for, or where one gets in without."""
    keyring = call.services.keyring
    if not keyring:
        return None
    shown = call.keys
    granted = [keyring.grant(key) for key in shown]  # all of them, whichever opens
    if grant := next(filter(None, granted), None):
        return grant
    if call.route and call.route.is_open(call.services):
        return None
    raise Problem(Kind.UNAUTHORIZED, "The API key is not known here", headers=_NOT_KNOWN) if shown else needs_key()


def _check_body(call: "Handler") -> None:
    headers, ceiling = call.request.headers, call.services.bounds.max_body_bytes
    declared = guards.declared_length(headers.get("Content-Length"))
    if declared is None:
        raise Problem(Kind.INVALID_REQUEST, "The request's Content-Length is no number")
    if call.request.method == "POST":
        has_body = "Transfer-Encoding" in headers or declared > 0
        guards.check_media_type(headers.get("Content-Type"), has_body=has_body)
    if declared > ceiling:
        raise Body(ceiling).excess()
