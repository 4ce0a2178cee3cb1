"""The worked examples of lectures on convolutional networks, computed step by step."""
