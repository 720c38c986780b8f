"""Metrics, intervals and tests: how predictions and measurements become statements. It knows no files and no torch."""
