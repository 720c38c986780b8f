"""The documents are short, their links lead somewhere, and they name every command, table and view."""

import re
from pathlib import Path

import pytest

from mtlens.cli import main
from mtlens.store.tables import TABLES, VIEWS
from mtlens.store.tables.__main__ import updated

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in ROOT.glob("**/*.md")
    if not {".venv", ".git", ".pytest_cache", "results"} & set(path.relative_to(ROOT).parts)
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
    assert [
        name for command in main.app.registered_commands if f"mtlens {(name := command.callback.__name__)}" not in text
    ] == []


def test_the_list_of_tables_and_views_is_that_of_the_row_classes():
    text = (ROOT / "backend/README.md").read_text()
    assert len([entry for entry in (*TABLES, *VIEWS) if f"`{entry.name}`" in text]) > 20
    assert updated(text) == text, "run python -m mtlens.store.tables backend/README.md"


def test_the_tree_of_the_package_names_every_module():
    drawn = (ROOT / "backend" / "README.md").read_text().split("```")[1]
    parts = dict(re.findall(r"^  (\w+)/(.*?)(?=^  \w|\Z)", drawn, flags=re.DOTALL | re.MULTILINE))
    packages = {path.parent.name: path.parent for path in (ROOT / "backend" / "mtlens").glob("*/__init__.py")}
    assert parts.keys() == packages.keys()
    for name, package in packages.items():
        names = set(re.findall(r"\w+/?", parts[name].split("\n", 1)[1]))
        modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
        assert names == modules | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}, name
