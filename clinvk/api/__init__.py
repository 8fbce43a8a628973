"""The HTTP API: a route table, and handlers made from it."""
