"""The Python API, which `import mtlens` offers: experiments, results, verdicts on one's own predictions, CKA, families."""
