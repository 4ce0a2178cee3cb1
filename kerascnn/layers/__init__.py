"""Layers that Keras 3 lacks."""
