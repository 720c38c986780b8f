"""Writes a family of models that was chosen by the results into a folder."""
