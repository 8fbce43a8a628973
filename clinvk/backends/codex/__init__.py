"""The codex backend: `codex app-server`, JSON-RPC in lines over stdio."""
