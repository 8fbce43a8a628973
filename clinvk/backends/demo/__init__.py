"""The demo backend: a real child process of our own, for trying clinvk and for testing it."""
