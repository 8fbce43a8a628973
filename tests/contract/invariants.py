"""What holds of everything that a dialogue says, whatever it was given."""

import orjson

from clinvk.domain.events import TextDelta, TextDone, TextDropped, ToolDone, ToolStarted, TurnDone
from clinvk.domain.wire import to_wire
from tests.contract.transcript import TURN


def check(said, turns=(TURN,)):
    """The invariants of whatever a dialogue says in these turns."""
    assert {one.turn for one in said} <= {*turns, None}
    for turn in turns:
        check_turn([one.output for one in said if one.turn == turn])
    for one in said:
        assert orjson.dumps({"type": one.output.type, **to_wire(one.output)})


def check_turn(outputs):
    ends = [index for index, output in enumerate(outputs) if isinstance(output, TurnDone)]
    assert ends in ([], [len(outputs) - 1]), "a turn ends once, and says nothing more"
    check_tools(outputs)
    check_blocks(outputs)


def check_tools(outputs):
    running = set()
    for output in outputs:
        match output:
            case ToolStarted(tool_id=tool):
                running.add(tool)
            case ToolDone(tool_id=tool):
                running.remove(tool)


def check_blocks(outputs):
    """A finished block is told as it was said; at the end of the turn none is open."""
    blocks = {}
    for output in outputs:
        match output:
            case TextDelta(block=block, text=text):
                blocks[block] = [*blocks.get(block, []), text]
            case TextDropped(block=block):
                del blocks[block]
            case TextDone(block=block, chars=chars, text=text):
                said = "".join(blocks.pop(block))
                assert (chars, text) in {(len(said), said), (len(said), None)}
            case TurnDone():
                assert not blocks
    assert not blocks
