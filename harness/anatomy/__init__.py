"""Anatomy: what a network is before it is trained; pure functions of a module and an example."""
