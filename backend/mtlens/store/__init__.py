"""Where results are stored: run folders hold all results, and the DuckDB database is made from them.

`workspace` writes the folders, `ingest` alone writes the database, and readers in `database` query its snapshots.
"""
