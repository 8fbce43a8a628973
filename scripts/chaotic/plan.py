"""A plan: what clients do, what is done to the server, and how it ends. The same seed makes the same plan."""

import random
from dataclasses import asdict, dataclass
from typing import Any, Final

Step = dict[str, Any]
"""One exchange of a client: its `kind`, the `pause` before it in seconds, and what the kind takes."""

CALM: Final = (
    "/big 400",
    "/big 400",
    "/big 300k",
    "/burst 3000",
    "/tool",
    "/help",
    "/garbage",
    "/stderr",
    "hello",
)
FAILING: Final = ("/fail", "/crash", "/usage-limit", "/nothing")
ENDLESS: Final = ("/hang", "/children", "/slow a story", "/steady 60 5")
AGENT: Final = ("hello", "/big", "/fail", "/crash", "/garbage", "/children", "/hang", "/deaf")
"""What the agent of the plan knows, whose executable may be taken away: see agent.py."""

KINDS: Final = {
    "whole": 5, "stream": 6, "detached": 4, "keyed": 4, "parallel": 2, "chain": 2, "compare": 1, "chat": 3,
    "responses": 2, "messages": 3, "cancel": 4, "session": 4, "replay": 4, "watch": 2, "look": 2, "wrong": 2,
    "torn": 3, "agent": 4,
}  # fmt: skip
"""How often each comes, against the others."""

MANNERS: Final = {"read": 6, "drop": 3, "slow": 1, "stall": 2, "halve": 1}
"""How a stream is read: to its end; left after some pieces; a little at a time; not at all for a while; after the
client has said that it will send no more."""

DISTURBANCES: Final = {
    "kill child": 4, "term child": 2, "stop child": 3, "stop server": 3, "reload": 3, "bad reload": 1,
    "no agent": 2, "other agent": 2, "locked agent": 1, "broken agent": 1, "hung agent": 1,
    "full disk": 2, "few files": 2,
}  # fmt: skip

ENDS: Final = {"SIGTERM": 4, "SIGINT": 2, "SIGKILL": 5, "guardian": 3, "both": 3}
"""A signal to the guardian, but for SIGKILL, which the server gets; the guardian killed; both in one moment."""


@dataclass(frozen=True)
class Plan:
    """`settings` are those of the server, `clients` what each does, `disturbances` have their moment `at`.

    `end` has the moment at which it comes; None: once the clients are done and all is quiet.
    """

    seed: int
    settings: dict[str, Any]
    clients: list[list[Step]]
    disturbances: list[Step]
    end: Step

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def plan(seed: int) -> Plan:
    """The plan of a seed."""
    chance = random.Random(seed)
    length = chance.uniform(0.7, 1.6)
    settings = _settings(chance)
    count, exchanges = chance.randint(4, 8), chance.randint(10, 40)
    clients: list[list[Step]] = [[] for _ in range(count)]
    for number in range(exchanges):
        clients[number % count].append(_step(chance, length * count / exchanges))
    disturbances = [_disturbance(chance, length) for _ in range(chance.randint(1, 6))]
    amid = chance.random() < 0.6
    end = {"kind": _one(chance, ENDS), "at": round(chance.uniform(0.3, length), 3) if amid else None}
    return Plan(seed, settings, clients, sorted(disturbances, key=lambda one: float(one["at"])), end)


def _settings(chance: random.Random) -> dict[str, Any]:
    return {
        "pool": chance.random() < 0.7,
        "idle_secs": chance.choice((0.2, 0.5)),
        "slots": chance.choice((2, 4, 8, 8)),
        "queue": chance.choice((0, 3, 256, 256)),
        "output_bytes": chance.choice((100_000, 1 << 29, 1 << 29)),
        "connections": chance.choice((8, 1024, 1024, 1024)),
        "keys": chance.random() < 0.4,
        "content": chance.random() < 0.85,
        "audit": chance.random() < 0.3,
        "grace": chance.choice((0, 0, 0.3)),
        "request_secs": chance.choice((300, 300, 0.5)),
    }


def _step(chance: random.Random, pause: float) -> Step:  # noqa: C901  a table of what kinds take
    kind = _one(chance, KINDS)
    step: Step = {"kind": kind, "pause": round(chance.uniform(0, pause), 3), **_asked(chance)}
    match kind:
        case "stream" | "chat" | "responses" | "messages" | "agent":
            step |= _read(chance) | {"streamed": kind == "stream" or chance.random() < 0.6}
        case "detached":
            step["then"] = chance.choice(("follow", "cancel", "forget", "processes"))
        case "keyed":
            step |= {"form": chance.choice(("whole", "stream", "detached")), "beside": chance.random() < 0.5}
        case "parallel" | "chain" | "compare":
            step |= {"words": [_word(chance) for _ in range(chance.randint(1, 4))], **_read(chance)}
            step |= {"streamed": chance.random() < 0.5, "fail_fast": chance.random() < 0.3}
        case "session":
            step |= {
                "turns": chance.randint(1, 3),
                "delete": chance.random() < 0.4,
                "beside": chance.random() < 0.2,
            }
        case "replay":
            step |= {
                "which": chance.random(),
                "from": chance.random(),
                "sse": chance.random() < 0.5,
                **_read(chance),
            }
        case "torn":
            step |= {"how": chance.choice(("head", "body", "silent", "garbage", "at once", "answerless"))}
    if kind == "agent":
        step["word"] = chance.choice(AGENT)
    if kind == "cancel":
        step |= {"word": chance.choice(ENDLESS), "wait": chance.choice((0, 10)), "after": chance.uniform(0, 0.2)}
    return step


def _asked(chance: random.Random) -> Step:
    """What a prompt says, and how long it may take: what has no end of its own has a clock."""
    word = _word(chance)
    endless = word in ENDLESS
    return {
        "word": word,
        "secs": round(chance.uniform(0.15, 0.6), 2) if endless else 60,
        "ephemeral": chance.random() < 0.4,
        "nonce": f"{chance.getrandbits(48):012x}",
    }


def _word(chance: random.Random) -> str:
    return chance.choice(chance.choices((CALM, FAILING, ENDLESS), (6, 2, 2))[0])


def _read(chance: random.Random) -> Step:
    return {"manner": _one(chance, MANNERS), "pieces": chance.randint(0, 12), "sse": chance.random() < 0.4}


def _disturbance(chance: random.Random, length: float) -> Step:
    return {
        "at": round(chance.uniform(0.05, length), 3),
        "kind": _one(chance, DISTURBANCES),
        "secs": round(chance.uniform(0.05, 0.4), 3),
        "which": chance.random(),
    }


def _one(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
