"""Names of conversations, messages and files, as they stand in addresses of pages."""

import secrets


def new_id() -> str:
    """Return 64 random bits in hexadecimal: nobody guesses one, and it is safe in addresses and in HTML."""
    return secrets.token_hex(8)
