"""Plots: one a file, numbers(record) -> data and draw(data) -> figure; nothing is shared state."""
