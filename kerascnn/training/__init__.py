"""The training run: compile, fit, callbacks."""

from kerascnn.training.fit import Outcome, fit

__all__ = ["Outcome", "fit"]
