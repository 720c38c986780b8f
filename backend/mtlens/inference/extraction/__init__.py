"""Reads texts with an exported family: from files, over HTTP, and on a Ray cluster."""
