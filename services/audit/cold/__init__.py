"""Cold months: a closed month of the archive as Parquet files that are verified, searched and replayed from."""
