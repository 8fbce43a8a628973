"""What stands around a text: as if the whole event had been encoded, and sent, anew."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.api.anthropic.voice import MessageVoice
from clinvk.api.dialects.frame import Frame
from clinvk.api.dialects.speech import Piece
from clinvk.api.openai.chat_voice import ChatVoice

texts = st.text(st.characters(exclude_categories=["Cs"]))
MODELS = ["demo", '"content":"" "text":""']


@given(texts, texts)
def test_any_text_in_any_event(other, text):
    def event(said):
        return b"data: %s\n\n" % orjson.dumps({"id": other, "delta": {"text": said, "more": other}, "last": None})

    assert Frame(event(""), "text").around(text) == event(text)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("include_usage", [False, True])
@given(st.lists(st.builds(Piece, texts, st.booleans()), max_size=5))
def test_a_chunk_of_a_chat(model, include_usage, pieces):
    voice = ChatVoice("1", 2, model, include_usage=include_usage)
    names = ["reasoning_content" if piece.is_reasoning else "content" for piece in pieces]
    whole = [voice._chunk({name: piece.text}) for name, piece in zip(names, pieces, strict=True)]
    assert voice.say(pieces) == b"".join(whole)


@pytest.mark.parametrize("model", MODELS)
@given(st.lists(st.builds(Piece, texts, st.booleans()), max_size=5))
def test_a_delta_of_a_message(model, pieces):
    said = MessageVoice("1", model).say(pieces)
    told = [orjson.loads(event.partition(b"data: ")[2]) for event in said.split(b"\n\n")[:-1]]
    deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
    assert [delta for delta in deltas if delta["type"] != "signature_delta"] == [
        {"type": "thinking_delta", "thinking": text} if thought else {"type": "text_delta", "text": text}
        for text, thought in pieces
    ]
    assert said == b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), orjson.dumps(e)) for e in told)
