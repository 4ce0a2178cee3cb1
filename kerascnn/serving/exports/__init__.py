"""Models for other programs: one file per format, each checked by its own runtime."""
