"""Pictures, drawn with matplotlib's object interface: no screen, no global state."""
