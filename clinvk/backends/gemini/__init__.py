"""The gemini backend: gemini-cli as an ACP agent, and what it does its own way."""
