"""What `kerascnn demo TOPIC` draws: the pictures of lectures, which need no run."""
