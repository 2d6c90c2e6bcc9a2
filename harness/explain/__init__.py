"""Explain: why a trained network says what it says of single examples, and where it errs."""
