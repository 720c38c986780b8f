"""Results that are computed from the tables of the database: verdicts, summaries of evidence, groupings."""
