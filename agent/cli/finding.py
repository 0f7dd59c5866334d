"""What `edgewise doctor` says of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is in order, what was found, and what to do if not."""

    good: bool
    what: str
    advice: str = ""
