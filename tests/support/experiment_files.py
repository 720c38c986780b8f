"""An experiment file that is read without an error, and a way to put a mistake in it."""

GOOD = """\
name: demo
data: {tables: [{path: x.csv, text: note, group: patient}]}
tasks:
  disc: {classes: [no, yes]}
  thecal: {column: weak_thecal, classes: [0, 1, 2], missing: [-1]}
margin: 0.02
training: {learning_rate: 1e-4, epochs: 3}
"""
TABLES = "{tables: [{path: x.csv, text: note, group: patient}]}"


def changed(old: str, new: str) -> str:
    """GOOD with a part of it replaced."""
    assert old in GOOD
    return GOOD.replace(old, new)
