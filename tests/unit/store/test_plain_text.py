"""Stored strings do nothing where they are shown."""

import re

import pytest
from markdown_it import MarkdownIt

from mtlens.store.plain_text import csv_cell, json_text, markdown_cell, markdown_text, printable

ADDRESS = re.compile(r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)|([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)", re.IGNORECASE)


def test_control_characters_are_replaced_and_line_breaks_stay():
    assert printable("a\x1b[31m\tb\nc\u202e\x9b") == "a\ufffd[31m\tb\nc\ufffd\ufffd"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@A1", "\t=1"])
def test_a_formula_gets_an_apostrophe(text):
    assert csv_cell(text) == "'" + printable(text)


@pytest.mark.parametrize("value", [-1, -1.5, None, "a=1", ""])
def test_what_is_no_formula_stays(value):
    assert csv_cell(value) == value


def test_json_has_no_raw_control_characters():
    assert json_text('"\x9b\x7f"') == '"\\u009b\\u007f"'


@pytest.mark.parametrize("escape", [markdown_text, markdown_cell])
@pytest.mark.parametrize("name", ["http://evil.example/x", "HTTPS://evil.example", "www.evil.example", "a@evil.example"])
def test_an_address_becomes_no_link_in_markdown(escape, name):
    """By the expressions with which mdast-util-gfm-autolink-literal, which Streamlit has, finds addresses in rendered text."""
    shown = re.sub(r"<[^>]+>", "", MarkdownIt().render(escape(name)))
    assert ADDRESS.search(name)
    assert not ADDRESS.search(shown)


def test_markup_in_a_cell_is_shown_as_it_is():
    rendered = MarkdownIt().render(markdown_cell("[x](http://evil.example) <b>`a`|*b* weak_disc C5-C6"))
    assert not any(tag in rendered for tag in ("<a", "<b>", "<code", "<em"))
    assert "weak_disc C5-C6" in rendered
