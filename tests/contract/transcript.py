"""A recorded turn of a CLI: what went either way, and a dialogue that is taken through it again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clinvk.backends.registry import default_registry
from clinvk.domain.approvals import decide
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.run import Exit
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
REGISTRY = default_registry()
TURN = "turn"
WORKDIR = "/home/dev/project"
MODES = {"approval_mode": ApprovalMode, "sandbox_mode": SandboxMode}


@dataclass(frozen=True)
class Transcript:
    """One recorded turn. Its files are read when they are asked for."""

    path: Path

    def __str__(self):
        return "/".join(self.path.relative_to(TRANSCRIPTS).with_suffix("").parts)

    @property
    def backend(self):
        return REGISTRY.get(self.path.relative_to(TRANSCRIPTS).parts[0])

    @cached_property
    def told(self):
        return json.loads(self.path.read_text())

    @cached_property
    def spec(self):
        fields = {
            name: MODES[name](value) if name in MODES else value for name, value in self.told["spec"].items()
        }
        return RunSpec(self.backend.name, workdir=WORKDIR, **fields)

    @cached_property
    def stdout(self):
        return self.path.with_suffix(".stdout").read_bytes()

    @cached_property
    def stdin(self):
        return self.path.with_suffix(".stdin").read_bytes()

    @cached_property
    def exit(self):
        return Exit(**self.told["exit"])

    @cached_property
    def whole(self):
        """What it says when it comes in one piece."""
        return self.replay([self.stdout])[0]

    def replay(self, chunks):
        """What a dialogue says, and what it writes, that is given these bytes, and then the exit."""
        dialogue, said, written = self.converse(chunks)
        return said + dialogue.exited(self.exit), written

    def converse(self, chunks):
        """A dialogue that is given these bytes, what it says, and what it writes."""
        dialogue = self.backend.dialogue(self.spec)
        dialogue.open()
        dialogue.begin(TURN, self.spec)
        said, written = [], dialogue.outgoing().data
        for chunk, interrupted in self.interrupted(chunks):
            heard = dialogue.receive(chunk)
            for one in heard:
                if isinstance(one.output, ApprovalAsked):
                    spec = self.spec
                    verdict = decide(spec.approval_mode, spec.sandbox_mode, one.output, spec.workdir)
                    dialogue.answer(one.turn, one.output.ask_id, verdict)
            said += heard
            written += dialogue.outgoing().data
            if interrupted:
                dialogue.interrupt(TURN)
                written += dialogue.outgoing().data
        return dialogue, said, written

    def interrupted(self, chunks) -> Iterator[tuple[bytes, bool]]:
        """The chunks, and after which of them the turn was interrupted: one is cut in two for that, if need be."""
        left = self.told["interrupted_after"]
        if left == 0:
            yield b"", True
        for chunk in chunks:
            lines = chunk.count(b"\n")
            if left is None or left <= 0 or lines < left:
                yield chunk, False
            else:
                *before, after = chunk.split(b"\n", left)
                yield b"\n".join([*before, b""]), True
                yield after, False
            left = left and left - lines


def split(data):
    """`data` in lines, each with its end."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


ALL = [Transcript(path) for path in sorted(TRANSCRIPTS.glob("*/*/*.json"))]
