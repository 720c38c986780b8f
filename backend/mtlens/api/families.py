"""Exported families of models, to predict texts with."""

from pathlib import Path

from mtlens.api.arguments import as_path
from mtlens.errors import EncoderError
from mtlens.inference.model.family import Family, load


def load_family(folder: str | Path) -> Family:
    """The family of models that `mtlens export` has written to a folder, on a GPU where there is one.

    >>> import mtlens
    >>> family = mtlens.load_family("family")
    >>> family
    Family 'notes' of 2 models (disc: bulge, none; canal: normal, stenosis)
    >>> family.predict(["disc with bulge", "disc without bulge"])["disc"]
    ['bulge', 'none']
    >>> family.classify(["disc with bulge"])["disc"].shape  # probabilities [texts, classes]
    (1, 2)

    Raises EncoderError for a folder that is no exported family, or a damaged one.
    """
    return load(as_path(folder, "folder", EncoderError))
