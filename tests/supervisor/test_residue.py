"""What a CLI keeps although it was asked not to."""

from clinvk.backends.base import Residue
from clinvk.supervisor import residue

ID = "53a20f8f-727b-47f3-b345-32fcc49e0852"


def test_a_file_that_holds_the_id_is_deleted_and_its_neighbours_are_not(tmp_path):
    folder = tmp_path / ".cli" / "chats"
    folder.mkdir(parents=True)
    mine, other = folder / "session-1.jsonl", folder / "session-2.jsonl"
    mine.write_text(f'{{"a": 1}}\n{{"sessionId": "{ID}"}}\n')
    other.write_text('{"sessionId": "another"}\n')
    assert residue.remove([Residue(".cli/chats/session-*.jsonl", ID)], str(tmp_path)) == 1
    assert not mine.exists()
    assert other.exists()


def test_nothing_there_is_nothing_to_do(tmp_path):
    assert residue.remove([Residue(".cli/*.jsonl", ID)], str(tmp_path)) == 0


def test_a_link_is_not_followed_and_a_folder_is_left(tmp_path):
    (tmp_path / "precious").write_text(ID)
    (tmp_path / "session-link").symlink_to(tmp_path / "precious")
    (tmp_path / "session-folder").mkdir()
    assert residue.remove([Residue("session-*", ID)], str(tmp_path)) == 0
    assert (tmp_path / "precious").exists()
    assert (tmp_path / "session-folder").exists()


def test_an_empty_file_can_be_named_whole(tmp_path):
    (tmp_path / "session-1").touch()
    assert residue.remove([Residue("session-*", "")], str(tmp_path)) == 1
