"""The training run: from a recipe to a trained network."""
