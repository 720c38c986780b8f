"""Where results live: run folders are the truth, and DuckDB is the lens that is made from them.

`workspace` and `runs` write the folders, `ingest` alone writes the database, `read` alone queries its snapshots.
"""
