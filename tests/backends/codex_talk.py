"""The other side of codex's app-server, played by hand."""

import json

from clinvk.backends.codex.backend import CodexBackend
from clinvk.domain.events import Notice, SessionBound
from clinvk.domain.spec import RunSpec

THREAD = "01a1fcef-346a-7553-9c94-c05afefcea9b"
NATIVE = "01a1fcef-3486-7ab0-934d-2c2af2f99e22"
SPEC = RunSpec("codex", "hello", "/home/dev/project")
HERE = {"threadId": THREAD, "turnId": NATIVE}
OPENED = {"thread": {"id": THREAD}, "sandbox": {"type": "readOnly"}}
NO_ACCOUNT_NEEDED = {"account": None, "requiresOpenaiAuth": False}


class Talk:
    """A dialogue and the other side of it: what is said, and what it wrote."""

    def __init__(self, spec=SPEC):
        self.spec = spec
        self.dialogue = CodexBackend().dialogue(spec)

    def hear(self, *messages):
        data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
        heard = self.dialogue.receive(data)
        assert {said.turn for said in heard if not isinstance(said.output, Notice)} <= {"turn"}
        return [said.output for said in heard]

    def tell(self, method, **params):
        return self.hear({"method": method, "params": params})

    def here(self, method, **params):
        return self.tell(method, **HERE, **params)

    def written(self):
        return [json.loads(line) for line in self.dialogue.outgoing().data.splitlines()]

    def reply(self, result=None, **message):
        """Answer the request written last."""
        request = self.written()[-1]["id"]
        return self.hear({"id": request} | ({"result": result} if result is not None else message))

    def open(self):
        self.dialogue.open()
        self.dialogue.begin("turn", self.spec)
        self.reply({})
        self.reply(NO_ACCOUNT_NEEDED)
        return self

    def bound(self):
        self.open()
        assert self.reply(OPENED) == [SessionBound(THREAD)]
        return self

    def started(self):
        self.bound()
        assert self.reply({"turn": {"id": NATIVE}}) == []
        return self

    def item(self, event, **item):
        return self.here(f"item/{event}", item=item)

    def used(self, **last):
        return self.here("thread/tokenUsage/updated", tokenUsage={"last": {"inputTokens": 10, **last}})

    def completed(self, status="completed", **turn):
        return self.tell("turn/completed", threadId=THREAD, turn={"id": NATIVE, "status": status, **turn})

    def failed(self, message, info=None, **turn):
        (done,) = self.completed("failed", error={"message": message, "codexErrorInfo": info}, **turn)
        return done.error

    def retry(self, message, **error):
        return self.here("error", error={"message": message, **error}, willRetry=True)


def command_started(talk, tool="call_1"):
    return talk.item("started", type="commandExecution", id=tool, command="ls", status="inProgress")


def command_done(talk, tool="call_1", code=0, status="completed"):
    return talk.item(
        "completed",
        type="commandExecution",
        id=tool,
        command="ls",
        status=status,
        exitCode=code,
        aggregatedOutput="a\n",
    )


def stopped(talk):
    return [message["params"] for message in talk.written() if message["method"] == "turn/interrupt"]
