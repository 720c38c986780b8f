"""CITATION.cff and the BibTeX of dashboard and report name the same paper and the version that is built."""

import re
import tomllib
from pathlib import Path

import yaml

from mtlens_dashboard.export.citation import bibtex

ROOT = Path(__file__).parents[4]


def fields(entry):
    """Of a BibTeX entry, by name, with single spaces and without braces inside."""
    found = re.findall(r"^  (\w+) += \{(.*?)\},$", entry, flags=re.MULTILINE | re.DOTALL)
    return {name: " ".join(re.sub("[{}]", "", value).split()) for name, value in found}


def test_the_citation_file_names_what_the_bibtex_names():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["title"], citation["version"], citation["license"]) == tuple(
        project[key] for key in ("name", "version", "license")
    )
    method, software = (fields(entry) for entry in re.split(r"(?=@software)", bibtex(project["version"])))
    assert (software["title"], software["version"]) == (citation["title"], citation["version"])
    (paper,) = citation["references"]
    assert method["title"] == paper["title"]
    assert method["booktitle"] == paper["collection-title"]
    assert method["author"].split(" and ") == [
        f"{author['family-names']}, {author['given-names']}" for author in paper["authors"]
    ]
    assert (method["year"], method["doi"]) == (str(paper["year"]), paper["doi"])
    assert method["pages"] == f"{paper['start']}--{paper['end']}"
