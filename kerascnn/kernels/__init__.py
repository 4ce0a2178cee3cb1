"""Keras's own layers, fast on one kind of device."""
