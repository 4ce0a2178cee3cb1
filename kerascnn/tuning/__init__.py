"""Hyperparameter sweeps: the space that is searched, the search, and what it leaves."""
