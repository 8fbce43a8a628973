"""Another server of OpenAI's chat API, measured beside: what to ask it."""

import json
import urllib.request
from typing import Any
from urllib.parse import urlsplit


def request(url: str, prompt: str, *, stream: bool) -> dict[str, Any]:
    """Fields for load.py and reader.py. `url` is the base that SDKs are given; `#` and a model may follow."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    message = {"role": "user", "content": prompt}
    body = {"model": parts.fragment or _first_model(base), "stream": stream, "messages": [message]}
    path = f"{parts.path.rstrip('/')}/chat/completions"
    return {"host": parts.hostname, "port": parts.port or 80, "path": path, "body": json.dumps(body)}


def _first_model(base: str) -> str:
    with urllib.request.urlopen(f"{base}/models", timeout=30) as answer:
        return str(json.load(answer)["data"][0]["id"])
