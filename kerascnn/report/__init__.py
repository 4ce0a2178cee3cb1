"""What runs leave behind for people to read: tables, pictures, reports."""

# Modules that the tables and pictures of a run are written with: slow to import.
WRITES_WITH = (
    "kerascnn.report.artifacts",
    "matplotlib.backends.backend_agg",
    "pyarrow.parquet",
)
