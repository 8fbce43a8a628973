"""The Anthropic-compatible API: messages, counts of tokens, models."""
