"""The pages in Chinese and Japanese say what the English ones say: nobody can change one of the three alone.

Compared is what no language changes: headings, blocks of code, tables, lists, code within the text, and the places
that links lead to. Each section has the same in the same order.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("tutorial.md", "serve.md", "rest-api.md", "openai.md", "anthropic.md")
LANGUAGES = {"": "English", "zh": "简体中文", "ja": "日本語"}
TRANSLATED = [(language, page) for language in LANGUAGES if language for page in PAGES]
LINK = re.compile(r"(?<!!)\[((?:[^\[\]])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#+) (.*)$")
# Spellings that are not those of the glossaries: one word for one thing, on every page.
STRANGERS = {
    "zh": ("提示词", "提示語", "会话期", "后台", "沙盒", "回复", "响应", "代理程序", "端點", "批准模式"),
    "ja": (
        "セション",
        "バックエンズ",
        "サンドボックス・",
        "ランを",
        "ユーザ ",
        "サーバ ",
        "プロムプト",
        "プロンプ ト",
    ),
}


@dataclass
class Section:
    """What stands below one heading, up to the next."""

    level: int
    title: str
    blocks: list[str]
    """The kind of each block, a fenced one whole."""
    code: set[str]
    links: list[str]
    """Where they lead, as a path in the English folder, a heading as its number in the page."""


def path_of(language, page):
    return DOCS / language / page


def text_of(language, page):
    return path_of(language, page).read_text("utf-8")


def switch(language, page):
    """The line that leads to the other languages."""
    up = "../" if language else ""
    told = []
    for other, name in LANGUAGES.items():
        place = f"{up}{other}/{page}" if other else f"{up}{page}"
        told.append(f"**{name}**" if other == language else f"[{name}]({place})")
    return " · ".join(told)


def sections(language, page):
    """The sections of a page, the first being what stands below its title."""
    text = text_of(language, page).replace(switch(language, page) + "\n\n", "", 1)
    fenced = FENCE.findall(text)
    pieces = iter(FENCE.sub("```", text).strip().split("\n\n"))
    found, code = [], iter(fenced)
    for piece in pieces:
        heading = HEADING.match(piece)
        if heading:
            found.append(Section(len(heading[1]), heading[2], [], spans(heading[2]), []))
            continue
        here = found[-1]
        here.blocks.append(next(code) if piece == "```" else kind_of(piece))
        here.code |= spans(piece)
        here.links += [leads_to(language, page, target) for _, target in LINK.findall(piece)]
    return found


def kind_of(piece):
    """Of a piece of text: a paragraph, a list with its items, a table with its first column and its width."""
    lines = piece.split("\n")
    if lines[0].startswith("|"):
        rows = [re.split(r"(?<!\\)\|", line.strip("|")) for line in lines]
        first = [LINK.sub(r"\1", row[0]).strip() for row in rows[2:]]
        shown = [" ".join(re.findall(r"`[^`]*`", cell)) for cell in first]
        return f"table {[len(row) for row in rows]} {shown}"
    if lines[0].startswith("- "):
        return f"list of {sum(line.startswith('- ') for line in lines)}"
    return "paragraph"


def spans(text):
    """Code within the text."""
    return set(re.findall(r"`[^`]+`", text))


def leads_to(language, page, target):
    place, _, anchor = target.partition("#")
    if place.startswith("http"):
        return target
    linked = (path_of(language, page).parent / place).resolve() if place else path_of(language, page)
    if not linked.is_relative_to(DOCS):
        return str(linked.relative_to(DOCS.parent))
    inside = linked.relative_to(DOCS)
    folder = inside.parts[0] if inside.parts[0] in LANGUAGES else ""
    if anchor and linked.name in PAGES:
        anchor = str(anchors(folder, linked.name).index(anchor))
    return f"{inside.relative_to(folder)}#{anchor}"


def anchors(language, page):
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(language, page)), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize(("language", "page"), TRANSLATED)
def test_a_translation_has_the_sections_of_the_english_page(language, page):
    levels = [section.level for section in sections(language, page)]
    assert levels == [section.level for section in sections("", page)]


@pytest.mark.parametrize(("language", "page"), TRANSLATED)
def test_a_section_has_the_same_blocks_and_its_code_to_the_byte(language, page):
    for ours, english in zip(sections(language, page), sections("", page), strict=True):
        assert (ours.title, ours.blocks) == (ours.title, english.blocks)


@pytest.mark.parametrize(("language", "page"), TRANSLATED)
def test_a_section_names_the_same_fields_and_words_in_its_text(language, page):
    for ours, english in zip(sections(language, page), sections("", page), strict=True):
        assert (ours.title, ours.code) == (ours.title, english.code)


@pytest.mark.parametrize(("language", "page"), TRANSLATED)
def test_a_section_leads_to_the_same_places(language, page):
    for ours, english in zip(sections(language, page), sections("", page), strict=True):
        assert (ours.title, sorted(ours.links)) == (ours.title, sorted(english.links))


@pytest.mark.parametrize(("language", "page"), TRANSLATED)
def test_a_translation_leads_to_pages_of_its_own_language_where_there_are_such(language, page):
    text = text_of(language, page).replace(switch(language, page), "")
    elsewhere = [
        target for _, target in LINK.findall(text) if target.partition("#")[0].removeprefix("../") in PAGES
    ]
    assert [target for target in elsewhere if target.startswith("../")] == []


@pytest.mark.parametrize(("language", "page"), [*TRANSLATED, *(("", page) for page in PAGES)])
def test_each_page_leads_to_its_other_languages_at_its_top(language, page):
    assert text_of(language, page).split("\n\n")[1] == switch(language, page)


@pytest.mark.parametrize("language", STRANGERS)
def test_a_folder_holds_its_pages_and_their_index_and_nothing_else(language):
    assert {path.name for path in (DOCS / language).iterdir()} == {*PAGES, "README.md"}
    index = text_of(language, "README.md")
    assert [page for page in PAGES if f"]({page})" not in index] == []


def glossary(language):
    """The English word, its translation, what it means."""
    table = re.search(r"^\| English \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text_of(language, "README.md"), re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines()]


def test_the_glossaries_have_the_same_words():
    assert [row[0] for row in glossary("zh")] == [row[0] for row in glossary("ja")]


@pytest.mark.parametrize("language", STRANGERS)
def test_the_pages_use_the_words_of_the_glossary_and_no_others(language):
    text = "".join(FENCE.sub("", text_of(language, page)) for page in (*PAGES, "README.md"))
    body = "".join(FENCE.sub("", text_of(language, page)) for page in PAGES)
    assert [word for _, word, _ in glossary(language) if word not in body] == []
    assert [word for word in STRANGERS[language] if word in text] == []


@pytest.mark.parametrize(("language", "page"), TRANSLATED)
def test_a_translation_is_one(language, page):
    """No paragraph was left in English: each has letters of its own language."""
    own = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
    pieces = FENCE.sub("", text_of(language, page).replace(switch(language, page), "")).split("\n\n")
    text = [piece for piece in pieces if piece.strip() and not HEADING.match(piece)]
    assert [piece for piece in text if not own.search(piece)] == []


@pytest.mark.parametrize(("language", "page"), TRANSLATED)
def test_bold_text_ends_where_it_is_to(language, page):
    """Between a full stop and a letter, with no blank, Markdown takes two stars for a beginning."""
    assert re.findall(r"[。、，：；！？）」]\*\*\w", text_of(language, page)) == []
