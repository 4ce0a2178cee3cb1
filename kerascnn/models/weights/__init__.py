"""Weights that others have trained, for networks of ours; one file per family."""
