"""What a network has learnt, as arrays: what its layers compute, and what excites its units."""
