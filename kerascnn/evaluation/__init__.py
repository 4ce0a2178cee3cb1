"""What a trained network is worth: scores with their uncertainty, and where it errs."""

from kerascnn.evaluation.scores import Scores, predict_logits, score

__all__ = ["Scores", "predict_logits", "score"]
