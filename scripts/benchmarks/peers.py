"""Another server of OpenAI's chat API, measured beside: what to ask it."""

import json
import urllib.request
from typing import Any
from urllib.parse import urlsplit


def request(url: str, prompt: str, *, stream: bool) -> dict[str, Any]:
    """Fields for load.py and reader.py. `url` is the base that SDKs are given; its first model is asked for."""
    parts = urlsplit(url)
    with urllib.request.urlopen(f"{url.rstrip('/')}/models", timeout=30) as answer:
        model = json.load(answer)["data"][0]["id"]
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    path = f"{parts.path.rstrip('/')}/chat/completions"
    return {"host": parts.hostname, "port": parts.port or 80, "path": path, "body": json.dumps(body)}
