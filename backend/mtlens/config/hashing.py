"""The content hash that names experiments, runs and evidence."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from itertools import islice


def content_hash(content: object) -> str:
    """First 16 hexadecimal digits of the SHA-256 of content's canonical JSON (sorted keys, no spaces)."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def hash_of_lists(lists: Sequence[Iterable[object]]) -> str:
    """`content_hash` of a list of lists, which are read a part at a time: they may be larger than memory."""
    digest = hashlib.sha256(b"[")
    for place, items in enumerate(lists):
        digest.update(b",[" if place else b"[")
        remaining, separator = iter(items), b""
        while part := list(islice(remaining, 10_000)):
            canonical = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
            digest.update(separator + canonical[1:-1].encode())
            separator = b","
        digest.update(b"]")
    digest.update(b"]")
    return digest.hexdigest()[:16]
