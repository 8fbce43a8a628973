"""docs/reference/README.md."""

from markdown import GENERATED


def page() -> str:
    """The page."""
    return f"""# Reference

{GENERATED}

- [Command line](command-line.md): commands, flags, environment variables, exit codes
- [Console](console.md): every key, screen by screen
- [Settings](settings.md): every key of the configuration file
- [Native API](native-api.md): routes, parameters, bodies and answers, field by field
- [OpenAI API](openai.md) and [Anthropic API](anthropic.md): what becomes of every field of a request
- [Events](events.md): what a run says while it goes on, and the states it goes through
- [Errors](errors.md): problems as HTTP answers, and why runs fail
- [openapi.json](../openapi.json): the API for programs, also at `/openapi.json`
"""
