"""API keys: where they come from, and the file that holds some."""

from clinvk.apikeys.sources import KeySources

__all__ = ["KeySources"]
