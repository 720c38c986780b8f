"""The names of transformers.utils that mtlens uses."""

from typing import Any

logging: Any
