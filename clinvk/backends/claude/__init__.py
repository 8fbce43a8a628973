"""Anthropic's Claude Code: `claude -p`, spoken to in lines of JSON."""
