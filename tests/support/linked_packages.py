"""Packages of the environment that runs the tests, made importable from another one: nothing is downloaded or copied."""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed_by(package: Distribution, seen: set[str], extras: frozenset[str] = frozenset()) -> Iterator[Distribution]:
    """The installed distributions that a package requires, and those that they require, each once."""
    for requirement in map(Requirement, package.requires or []):
        wanted = any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        key = f"{canonicalize_name(requirement.name)}{sorted(requirement.extras)}"
        if not wanted or key in seen:
            continue
        seen.add(key)
        try:
            dependency = distribution(requirement.name)
        except PackageNotFoundError:
            raise AssertionError(f"{requirement} should be installed: {package.name} requires it") from None
        yield dependency
        yield from needed_by(dependency, seen, frozenset(requirement.extras))


def link(package: Distribution, site: Path) -> None:
    """Make a distribution importable from another site-packages; files outside site-packages, such as scripts, stay away."""
    for name in sorted({file.parts[0] for file in package.files or [] if file.parts[0] not in ("..", "__pycache__")}):
        target = site / name
        if not target.exists():
            target.symlink_to(Path(str(package.locate_file(name))))
