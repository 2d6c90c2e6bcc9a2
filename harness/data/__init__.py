"""Datasets, one a file: `from harness.data.digits import Digits`."""
