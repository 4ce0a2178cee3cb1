"""Images in named splits, and the batches that training reads from them."""
