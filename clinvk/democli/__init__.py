"""The demo child: a program that speaks like an AI coding CLI and asks no model. Standard library only.

It is run as a folder, `python -I -S clinvk/democli`, and speaks JSON lines both ways. It takes one
turn after another; a prompt that comes while a turn is under way waits for its end.

In, one message a line:

    {"type": "prompt", "turn": ID, "prompt": TEXT, "conversation": ID|null, "system": TEXT|null, "keep"?: BOOL}
    {"type": "interrupt", "turn": ID}
    {"type": "answer", "turn": ID, "ask": ID, "allow": BOOL, "reason": TEXT}

The end of stdin ends the program with code 0: when it is idle, else by interrupting its turn.
A line that is none of these is complained about on stderr. What else a message holds (a model's
name, say) is ignored.

Out, one message a line:

    {"type": "hello", "version": 1}                                  first, and once
    {"type": "conversation", "turn", "id"}                           first in every turn that is taken
    {"type": "text", "turn", "block", "text"}                        a piece of the block's text
    {"type": "text_end", "turn", "block"}                            the block is whole
    {"type": "reasoning", "turn", "text"}
    {"type": "tool", "turn", "id", "name", "input"}
    {"type": "tool_end", "turn", "id", "ok", "output"}
    {"type": "ask", "turn", "ask", "tool", "action", "paths", "detail"}   waits for its answer
    {"type": "usage", "turn", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"}
    {"type": "done", "turn", "stop_reason", "error"}                 last in every turn

`error` is null or {"code", "message", "retry_after_secs"?}. An interrupted turn is done with neither
a stop reason nor an error. Tokens are words: the cached ones are those of the conversation so far.

What was said may be kept where "keep" is true: in a small file for each conversation, in ~/.clinvk-demo,
for other processes to go on with. A turn in a conversation that is neither there nor this process's own is
done with the error `resume_failed`, and nothing else.

The first word of a prompt chooses what happens; `/help` lists them (see `words.WORDS`).
"""
