"""What the OpenAI and the Anthropic API have in common: models, conversations, and how a run is told."""
