"""Data sets of the Hugging Face hub, read from the hub's copies as Parquet files, so that no code of a data set is run.

`hf://datasets/nyu-mll/glue/rte` names a data set and its configuration, `hf://datasets/nyu-mll/glue/rte/validation` one split.
"""

from functools import lru_cache
from pathlib import Path

from mtlens.errors import DataError

PREFIX = "hf://datasets/"
_REVISION = "refs/convert/parquet"  # <configuration>/<split>/<number>.parquet


@lru_cache(maxsize=32)
def hub_folder(path: str) -> Path:
    """Folder with a folder of Parquet files for each split; downloaded once. `path` begins with PREFIX.

    Raises `DataError` where the hub does not provide it, or where it has several configurations and none is named.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    parts = [*path.removeprefix(PREFIX).strip("/").split("/"), "", "", ""]
    owner, name, configuration, split = parts[:4]
    repository = f"{owner}/{name}"
    try:
        if not configuration:
            files = HfApi().list_repo_files(repository, repo_type="dataset", revision=_REVISION)
            configurations = sorted({file.split("/")[0] for file in files if file.endswith(".parquet")})
            if len(configurations) != 1:
                raise DataError(f"{path}: a configuration should stand after the name; found {', '.join(configurations)}")
            (configuration,) = configurations
        wanted = f"{configuration}/{split or '*'}/*.parquet"
        folder = Path(snapshot_download(repository, repo_type="dataset", revision=_REVISION, allow_patterns=[wanted]))
    except HFValidationError:
        raise DataError(f"{path}: a data set of the hub should be named as {PREFIX}owner/name; found another form") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise DataError(f"{path}: the hub should give this data set; found {type(error).__name__}") from None
    found = folder / configuration / split if split else folder / configuration
    if not found.is_dir():
        raise DataError(f"{path}: data set should have {configuration}{'/' + split if split else ''}; found none")
    return found
