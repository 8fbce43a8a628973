"""Sessions over REST, as tests ask for them."""

from tests.api.conftest import QUICK

SESSIONS = "/api/v1/sessions"


async def begun(server, prompt=QUICK, **fields):
    """A session whose first turn has ended; its id."""
    return (await server.prompt(prompt, **fields)).json["session_id"]


async def deleted(server, session):
    return await server.fetch(f"{SESSIONS}/{session}", method="DELETE")


async def page(server, query=""):
    return (await server.fetch(f"{SESSIONS}?{query}")).json
