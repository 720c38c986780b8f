"""Where files of data are looked for, and in which order."""

from pathlib import Path

import pytest

from mtlens.data.folders import data_folders, find_file
from mtlens.errors import DataError

FOLDER = Path("experiments")


def test_the_given_folder_comes_before_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("MTLENS_DATA", raising=False)
    assert data_folders(FOLDER) == [Path("experiments")]
    assert data_folders(FOLDER, Path("given")) == [Path("given"), Path("experiments")]
    monkeypatch.setenv("MTLENS_DATA", "named")
    assert data_folders(FOLDER) == [Path("named"), Path("experiments")]
    assert data_folders(FOLDER, Path("given")) == [Path("given"), Path("experiments")]
    monkeypatch.setenv("MTLENS_DATA", "")
    assert data_folders(FOLDER) == [Path("experiments")]


def test_the_first_folder_that_has_the_file_wins(tmp_path):
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders[1:]:
        folder.mkdir()
        (folder / "x.csv").touch()
    assert find_file("x.csv", folders) == tmp_path / "b/x.csv"
    assert find_file(str(tmp_path / "c/x.csv"), folders) == tmp_path / "c/x.csv"
    with pytest.raises(DataError, match=r"y\.csv: table should be a file in one of \[.*/a, .*/c\]; found none there"):
        find_file("y.csv", folders)
