"""Error rate and power that all tests share."""

ALPHA = 0.05
"""Of each one-sided test."""

POWER = 0.9
"""With which a test should find what is there."""
