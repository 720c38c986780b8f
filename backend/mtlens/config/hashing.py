"""The content hash that names experiments, runs and evidence."""

import hashlib
import json


def content_hash(content: object) -> str:
    """First 16 hexadecimal digits of the SHA-256 of content's canonical JSON (sorted keys, no spaces)."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
