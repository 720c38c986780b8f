"""mtlens: does one multi-task text model match N task-specific ones, why, and which tasks belong together?

- `experiment`, `plan`, `run`: from a file, a mapping or a DataFrame to trained models and verdicts
- `open`: the results in a workspace as DataFrames and figures
- `compare`: verdicts on predictions that exist already
- `cka`, `gradient_alignment`: the evidence for one's own tensors
- `load_family`: exported models, to predict texts with

What mtlens raises on purpose is an `MtlensError`. Names are imported when they are first used, so `import mtlens` is quick.
The packages below this one are described in backend/README.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtlens.api.experiments import plan, run
    from mtlens.api.families import load_family
    from mtlens.api.frames import experiment
    from mtlens.api.results import open_workspace as open
    from mtlens.api.similarity import cka, gradient_alignment
    from mtlens.api.verdicts import compare
    from mtlens.errors import MtlensError

__all__ = [
    "MtlensError",
    "cka",
    "compare",
    "experiment",
    "gradient_alignment",
    "load_family",
    "open",
    "plan",
    "run",
]

_DEFINED_IN = {
    "MtlensError": ("mtlens.errors", "MtlensError"),
    "cka": ("mtlens.api.similarity", "cka"),
    "compare": ("mtlens.api.verdicts", "compare"),
    "experiment": ("mtlens.api.frames", "experiment"),
    "gradient_alignment": ("mtlens.api.similarity", "gradient_alignment"),
    "load_family": ("mtlens.api.families", "load_family"),
    "open": ("mtlens.api.results", "open_workspace"),
    "plan": ("mtlens.api.experiments", "plan"),
    "run": ("mtlens.api.experiments", "run"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _DEFINED_IN:
        raise AttributeError(f"module 'mtlens' has no attribute {name!r}")
    module, attribute = _DEFINED_IN[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return __all__
