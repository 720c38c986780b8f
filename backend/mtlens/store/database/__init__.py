"""DuckDB: the one writer, its readers, and published snapshots."""
