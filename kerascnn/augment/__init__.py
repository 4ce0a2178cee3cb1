"""How training images are varied: a file per kind of operation, fields and function together."""
