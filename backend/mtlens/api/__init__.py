"""The Python API, which `import mtlens` offers: experiments, results, verdicts on existing predictions, CKA, families."""
