"""A trained model outside training: saved, loaded, asked."""
