"""What a trained network is worth: scores with their uncertainty, and where it errs."""
