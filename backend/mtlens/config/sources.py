"""The sources of data that an experiment file can name under `data:`, by their keys.

`data: {spine: {...}, splits: {...}}` names the source `spine`. The section is validated by the model of that source, a subclass
of `Data` with the key as a field. The sources of mtlens are in `mtlens.data.sources`, where a new one is added. That package
imports this one, so it is imported by its name, when the first section is validated.
"""

import importlib
import typing
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler, SerializeAsAny
from pydantic.json_schema import JsonSchemaValue

from mtlens.config.sections import Data

_SOURCES: dict[str, type[Data]] = {}
_ABSENT = (None, [], ())  # what version 0.1 stored for a source that an experiment does not use


def register(key: str, source: type[Data]) -> None:
    """Add a source under its key; ValueError where the key is taken or no field of the source."""
    if key in _SOURCES or key not in source.model_fields:
        raise ValueError(f"the key of a source should be new and a field of its model; found {key!r}")
    _SOURCES[key] = source


def unregister(key: str) -> None:
    """Remove a source."""
    del _SOURCES[key]


def sources() -> Mapping[str, type[Data]]:
    """All sources by their keys."""
    importlib.import_module("mtlens.data.sources")
    return _SOURCES


def _validated(section: object) -> object:
    """The section as the source that it names, or unchanged for pydantic to say what is wrong with it."""
    known = sources()
    if isinstance(section, Data):
        named = [key for key, source in known.items() if type(section) is source]
    elif isinstance(section, dict):
        content = typing.cast("dict[str, Any]", section)
        section = {key: value for key, value in content.items() if key not in known or value not in _ABSENT}
        named = [key for key in known if key in section]
        if not named and section.keys() - Data.model_fields:
            return section
    else:
        return section
    if len(named) != 1:
        keys, found = (" or ".join(f"`{key}`" for key in some) for some in (known, named))
        raise ValueError(f"data should name one source, {keys}; found {found.replace(' or ', ' and ') or 'none'}")
    return known[named[0]].model_validate(section)


class _OneOfSources:
    """JSON Schema of the section: that of one of the sources."""

    def __get_pydantic_json_schema__(self, _: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"oneOf": [handler(source.__pydantic_core_schema__) for source in sources().values()]}


DataSection = Annotated[SerializeAsAny[Data], BeforeValidator(_validated), _OneOfSources()]
"""The section `data:` of an experiment file, as the model of the source that it names."""
