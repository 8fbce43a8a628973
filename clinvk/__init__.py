"""clinvk: one HTTP endpoint in front of the AI coding CLIs on your machine."""

__version__ = "0.1.0"
