"""The files of one table: a single file, the files of a folder or of a pattern, or a file for each split."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtlens.data.folders import find, find_file
from mtlens.data.formats import known_suffixes
from mtlens.data.formats.compression import suffix_of
from mtlens.data.sources.hub import PREFIX, hub_folder
from mtlens.data.splits import SPLITS, USUAL_SPLITS, SplitName, split_in
from mtlens.errors import DataError

_BESIDE_TABLES = frozenset({"dataset_info.json", "dataset_dict.json", "state.json"})  # of `datasets`


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """One file of a table. name: used in errors. split: split of all of its rows, if the file determines it."""

    path: Path
    name: str
    split: SplitName | None = None
    notes: tuple[str, ...] = ()  # for the user, on the folder that it is in


def files_of(path: str | Mapping[SplitName, str], folders: Sequence[Path]) -> list[TableFile]:
    """The files that a table's `path` stands for, in the order of their names; `DataError` where there are none."""
    if isinstance(path, Mapping):
        return [
            TableFile(path=file.path, name=file.name, split=split)
            for split, of_split in path.items()
            for file in files_of(of_split, folders)
        ]
    if glob.has_magic(path) and not any((folder / path).is_file() for folder in folders):
        return _of_pattern(path, folders)
    found = hub_folder(path) if path.startswith(PREFIX) else find(path, folders)
    if found is not None and found.is_dir():
        return _of_folder(found, path.rstrip("/"))
    return [TableFile(path=find_file(path, folders), name=path)]


def notes_of(files: Sequence[TableFile]) -> tuple[str, ...]:
    """Remarks for the user on the files, each once."""
    return tuple(dict.fromkeys(note for file in files for note in file.notes))


def _of_pattern(pattern: str, folders: Sequence[Path]) -> list[TableFile]:
    for folder in folders:
        files = sorted(file for file in _matches(folder, pattern) if file.is_file())
        if files:
            return [TableFile(path=file, name=_shown(file, folder)) for file in files]
    places = ", ".join(map(str, folders))
    raise DataError(f"{pattern}: files should match in one of [{places}]; found none there")


def _of_folder(folder: Path, name: str) -> list[TableFile]:
    """The tables in a folder, or in its folders for each split, as `datasets` and the hub lay them out."""
    parts: dict[Path, SplitName] = {
        part: split for part in folder.iterdir() if part.is_dir() and (split := USUAL_SPLITS.get(part.name.lower()))
    }
    if parts:
        return [
            TableFile(path=file.path, name=file.name, split=parts[part])
            for part in sorted(parts, key=lambda part: SPLITS.index(parts[part]))
            for file in _of_folder(part, f"{name}/{part.name}")
        ]
    files = sorted(file for file in folder.iterdir() if file.is_file() and _is_table(file))
    if not files:
        raise DataError(f"{name}: folder should hold files that end in one of {', '.join(known_suffixes())}; found none")
    splits: dict[Path, SplitName] = {file: split for file in files if (split := split_in(file.name)) is not None}
    if len(set(splits.values())) < 2 or "train" not in splits.values():
        return [TableFile(path=file, name=f"{name}/{file.name}") for file in files]
    notes = _notes(name, splits, [file for file in files if file not in splits])
    return [TableFile(path=file, name=f"{name}/{file.name}", split=split, notes=notes) for file, split in splits.items()]


def _notes(folder: str, splits: Mapping[Path, SplitName], others: Sequence[Path]) -> tuple[str, ...]:
    """Which files are which split, and which are none."""
    of_split: dict[SplitName, list[str]] = {
        split: [file.name for file, own in splits.items() if own == split] for split in SPLITS
    }
    listed = "; ".join(
        f"{split}: {', '.join(names[:2])}{f' and {len(names) - 2} more' if len(names) > 2 else ''}"
        for split, names in of_split.items()
        if names
    )
    left_out = ", ".join(file.name for file in others[:5]) + (" ..." if len(others) > 5 else "")
    return (
        f"{folder}: splits are those that the files are named after ({listed})",
        *([f"{folder}: files that are named after no split are left out: {left_out}"] if others else []),
    )


def _is_table(file: Path) -> bool:
    return suffix_of(file) in known_suffixes() and file.name not in _BESIDE_TABLES


def _matches(folder: Path, pattern: str) -> Iterator[Path]:
    """What matches the pattern in the folder, or where the pattern is absolute from its root."""
    absolute = Path(pattern)
    return (
        Path(absolute.anchor).glob(str(absolute.relative_to(absolute.anchor)))
        if absolute.is_absolute()
        else folder.glob(pattern)
    )


def _shown(file: Path, folder: Path) -> str:
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
