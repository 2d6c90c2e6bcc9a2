"""What strategies ask of a network."""

from harness.settings import UserError


def require_at_most(what: str, got: int, high: int) -> None:
    """Raise UserError if a strategy asks for more blocks than there are."""
    if got > high:
        do = "lower it, or take a network of more blocks"
        raise UserError(what, got=got, allowed=f"at most {high} here", do=do)
