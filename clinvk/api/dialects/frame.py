"""Events that differ in one text only: all but that text is encoded once."""

import orjson


class Frame:
    """What stands around a text in an event of JSON. Pure."""

    def __init__(self, event: bytes, name: str) -> None:
        """`event` is one whose only field `name` holds an empty text."""
        key = orjson.dumps(name) + b":"
        # Within a string of JSON there is no bare quotation mark: what is found is the field.
        self._before, self._after = event.split(key + b'""')
        self._before += key

    def around(self, text: str) -> bytes:
        """The event with that text."""
        return b"%b%b%b" % (self._before, orjson.dumps(text), self._after)
