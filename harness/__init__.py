"""A research harness: how depth, width and layer type relate to parameters, cost and quality."""

__version__ = "0.1.0"
