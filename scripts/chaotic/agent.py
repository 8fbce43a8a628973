"""An agent that speaks the Agent Client Protocol as gemini does, and misbehaves on request."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from typing import Any

VERSION = "0.61.0"
SPENT = {"_meta": {"quota": {"token_count": {"input_tokens": 3, "output_tokens": 4}}}}


def say(**message: Any) -> None:
    os.write(1, json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def text(session: str, words: str) -> None:
    content = {"type": "text", "text": words}
    update = {"sessionUpdate": "agent_message_chunk", "content": content}
    say(method="session/update", params={"sessionId": session, "update": update})


def prompted(params: dict[str, Any]) -> bool:
    """Take a turn; whether it has come to its end by itself."""
    session, asked = params["sessionId"], " ".join(block["text"] for block in params["prompt"])
    word = next((one for one in WORDS if one in asked), "")
    text(session, "The agent was asked. ")
    if word == "/crash":
        os._exit(3)
    if word == "/garbage":
        os.write(1, b'{"half\n\xff\xfe\n[]\n')
    if word == "/big":
        text(session, "0123456789" * 20_000)
    if word in {"/children", "/deaf"}:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "86400"], start_new_session=True, stdin=subprocess.DEVNULL)  # deaf as we are
        subprocess.Popen(["sh", "-c", "sleep 86400 & exit 0"], env={"PATH": os.environ["PATH"]}).wait()
    if word == "/deaf":
        while True:
            time.sleep(3600)
    return word not in {"/children", "/hang"}


WORDS = ("/big", "/fail", "/crash", "/garbage", "/children", "/hang", "/deaf")


def answer(message: dict[str, Any], waiting: Any) -> Any:
    """Answer a message; the request of a turn that has no end yet, None if there is none."""
    id_, params = message.get("id"), message.get("params", {})
    match message.get("method"):
        case "initialize":
            say(id=id_, result={"protocolVersion": 1, "agentCapabilities": {"loadSession": True}})
        case "session/new":
            say(id=id_, result={"sessionId": str(uuid.uuid4())})
        case "session/load":
            say(id=id_, result={})
            over = {"sessionUpdate": "available_commands_update", "availableCommands": []}
            say(method="session/update", params={"sessionId": params["sessionId"], "update": over})
        case "session/prompt":
            return turn(id_, params)
        case "session/cancel" if waiting is not None:
            say(id=waiting, result={"stopReason": "cancelled", **SPENT})
            return None
        case _ if id_ is not None:
            say(id=id_, error={"code": -32601, "message": "no such method"})
    return waiting


def turn(id_: Any, params: dict[str, Any]) -> Any:
    if "/fail" in json.dumps(params):
        say(id=id_, error={"code": 500, "message": "the agent failed, as it was asked to"})
    elif not prompted(params):
        return id_
    else:
        say(id=id_, result={"stopReason": "end_turn", **SPENT})
    return None


def main() -> None:
    if "--version" in sys.argv:
        print(VERSION)
        return
    waiting = None
    for line in sys.stdin:
        waiting = answer(json.loads(line), waiting)


if __name__ == "__main__":
    main()
