"""Error rate and power that all tests share."""

ALPHA = 0.05
"""Level of each one-sided test."""

POWER = 0.9
"""Power that the number of seeds or examples should give a test."""
