"""What the demo child keeps of a conversation, and goes on with: over processes, as a user meets it."""

import json

import pytest

KNOWN = "demo-0123456789abcdef"
REFUSED = {
    "type": "done",
    "turn": "t",
    "stop_reason": None,
    "error": {"code": "resume_failed", "message": f"There is no conversation {KNOWN} to go on with"},
}


@pytest.fixture
def store(tmp_path):
    """The folder where conversations are kept; it is made by the first that is."""
    return tmp_path / "home" / ".clinvk-demo"


@pytest.fixture
def begin(new_child):
    """Starts children that have greeted."""

    def start(**variables):
        child = new_child(**variables)
        child.hear()
        return child

    return start


def kept(begin, *prompts, **fields):
    """The id of a conversation with these turns, each by a process of its own."""
    name = None
    for prompt in prompts:
        heard = begin().turn(prompt, keep=True, conversation=name, **fields)
        assert heard[-1]["stop_reason"] == "end_turn"
        name = heard[0]["id"]
    return name


def test_what_may_be_kept_is_known_to_the_next_process(begin):
    name = kept(begin, "my name is Nemo", "and my ship is the Nautilus")
    heard = begin().turn("/recall", conversation=name)
    assert heard[0]["id"] == name
    assert "1. my name is Nemo\n2. and my ship is the Nautilus\n" in heard.text


def test_turns_and_words_are_counted_on(begin):
    heard = begin().turn("one", keep=True)
    again = begin().turn("two words", keep=True, conversation=heard[0]["id"])
    assert "turn 2 of this conversation" in again.text
    assert again[-2]["cached_tokens"] == 1 + heard[-2]["output_tokens"]


def test_in_the_first_turn_there_is_nothing_to_recall(child):
    assert "nothing to recall" in child.turn("/recall").text


def test_what_may_not_be_kept_is_not(begin, store):
    child = begin()
    name = child.turn("a secret")[0]["id"]
    assert "1. a secret" in child.turn("/recall", conversation=name).text
    assert not store.exists()
    assert begin().turn("/recall", conversation=name)[-1]["error"]["code"] == "resume_failed"


def test_a_turn_that_may_not_be_kept_is_not_added_to_what_was(begin):
    name = kept(begin, "for ever")
    begin().turn("a secret", conversation=name)
    assert "a secret" not in begin().turn("/recall", conversation=name).text


def test_what_another_process_added_is_known_to_one_that_was_there_before(begin):
    child = begin()
    name = child.turn("one", keep=True)[0]["id"]
    begin().turn("two", keep=True, conversation=name)
    assert "1. one\n2. two\n" in child.turn("/recall", conversation=name).text


def test_each_conversation_is_a_file_for_the_user_alone(begin, store):
    names = [kept(begin, "one"), kept(begin, "two")]
    assert sorted(path.name for path in store.iterdir()) == sorted(f"{name}.json" for name in names)
    assert store.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in store.iterdir()} == {0o600}


def test_what_is_kept_has_a_bound(begin, store):
    child = begin()
    name = child.turn("x" * 100_000, keep=True)[0]["id"]
    for number in range(60):
        child.turn(f"/fail {number}", keep=True, conversation=name)
    told = json.loads((store / f"{name}.json").read_text())
    assert (told["turns"], len(told["prompts"])) == (61, 50)
    assert (store / f"{name}.json").stat().st_size < 50 * 250
    assert "\n61. /fail 59\n" in child.turn("/recall", conversation=name).text


def test_no_more_than_the_beginning_of_a_prompt_is_kept(begin):
    name = kept(begin, "x" * 1000)
    assert f"1. {'x' * 200}\n" in begin().turn("/recall", conversation=name).text


@pytest.mark.parametrize("prompt", ["/hang", "/crash"])
def test_a_turn_that_does_not_end_well_is_remembered_too(begin, prompt):
    child = begin()
    child.prompt(prompt, keep=True)
    name = child.until("conversation")[-1]["id"]
    child.end()
    assert f"1. {prompt}\n" in begin().turn("/recall", conversation=name).text


def test_a_conversation_that_nobody_knows_is_refused_before_anything_is_said(child):
    assert child.turn("hello", conversation=KNOWN) == [REFUSED]
    assert child.turn("hello")[-1]["stop_reason"] == "end_turn"


@pytest.mark.parametrize("name", ["", "demo-", "../demo-0123456789abcdef", "demo-../../../etc/p", "latest"])
def test_what_is_no_id_is_no_path(begin, store, name):
    store.mkdir(parents=True)
    (store / f"{name.rpartition('/')[2]}.json").write_text(json.dumps({"id": name, "prompts": ["x"]}))
    assert begin().turn("hello", conversation=name, keep=True)[-1]["error"]["code"] == "resume_failed"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 100_000, '{"id": "demo-fedcba9876543210"}', '{"prompts": ["x"]}']
)
def test_a_file_that_makes_no_sense_is_no_conversation(begin, store, text):
    store.mkdir(parents=True)
    (store / f"{KNOWN}.json").write_text(text)
    assert begin().turn("hello", conversation=KNOWN) == [REFUSED]


@pytest.mark.parametrize(
    "said", [{}, {"turns": "x", "words": 1, "prompts": []}, {"turns": 0, "words": 0, "prompts": [1, None]}]
)
def test_what_of_a_file_makes_no_sense_was_never_said(begin, store, said):
    store.mkdir(parents=True)
    (store / f"{KNOWN}.json").write_text(json.dumps({"id": KNOWN, **said}))
    assert "nothing to recall" in begin().turn("/recall", conversation=KNOWN).text


def test_a_link_in_the_way_is_replaced_and_not_followed(begin, store, tmp_path):
    name = kept(begin, "one")
    precious = tmp_path / "precious"
    (store / f"{name}.json").rename(precious)
    (store / f"{name}.json").symlink_to(precious)
    before = precious.read_text()
    begin().turn("two", keep=True, conversation=name)
    assert precious.read_text() == before
    assert not (store / f"{name}.json").is_symlink()


@pytest.mark.parametrize("home", ["", "/dev/null"])
def test_where_nothing_can_be_kept_it_says_so_and_answers(begin, home):
    child = begin(HOME=home)
    assert child.turn("hello", keep=True)[-1]["stop_reason"] == "end_turn"
    code, stderr = child.end()
    assert code == 0
    assert stderr.startswith(b"demo: the conversation is not kept: ")
