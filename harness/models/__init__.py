"""Models: one architecture a file, each a settings dataclass that builds a module."""
