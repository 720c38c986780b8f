"""Results in the formats of other programs: folders of CSV or Parquet files, and MLflow."""
