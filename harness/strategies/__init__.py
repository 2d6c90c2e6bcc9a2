"""Strategies: one way of choosing what trains a file."""
