"""From models to findings: export the recommended family, load it, read reports with it, and serve it.

`mtlens.inference.model.family.load` is the one way to load an exported folder.
"""
