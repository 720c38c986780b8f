"""The documents are short, their links lead somewhere, and they name every command, table and view."""

import re
from pathlib import Path

import pytest

from mtlens.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path for path in ROOT.glob("**/*.md") if not {".venv", ".git", "results"} & set(path.relative_to(ROOT).parts)
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
NAMED = re.compile(r"`((?:backend|dashboard|experiments|tests)/[\w./-]+)`")


def test_the_readme_can_be_read_at_once():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_named_files_exist(document):
    text = document.read_text()
    missing = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    missing += [name for name in NAMED.findall(text) if not (ROOT / name).exists()]
    assert missing == []


def test_every_command_is_named():
    text = (ROOT / "README.md").read_text() + (ROOT / "backend/README.md").read_text()
    assert [name for one in main.app.registered_commands if f"mtlens {(name := one.callback.__name__)}" not in text] == []


def test_every_public_table_and_view_is_named():
    schema = "".join(path.read_text() for path in (ROOT / "backend/mtlens/store/database/sql").glob("*.sql"))
    public = re.findall(r"CREATE (?:TABLE|VIEW) (\w+)[ (]", schema)
    assert len(public) > 20
    text = (ROOT / "backend/README.md").read_text()
    assert [name for name in public if f"`{name}`" not in text] == []
