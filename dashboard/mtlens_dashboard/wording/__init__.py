"""Sentences: titles, captions, and how numbers and names are written."""
