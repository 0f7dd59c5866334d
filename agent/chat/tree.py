"""Branches of a conversation: every message knows which one it follows, and several may follow the same one.

`parents` maps the id of every message of one conversation to that of the message before it, in order of creation: a
message comes after the one that it follows.
"""

from collections.abc import Mapping


def branch(parents: Mapping[str, str | None], leaf: str | None) -> list[str]:
    """Return the ids from the first message to `leaf`."""
    found: list[str] = []
    while leaf is not None:
        found.append(leaf)
        leaf = parents[leaf]
    return found[::-1]


def versions(parents: Mapping[str, str | None]) -> dict[str | None, tuple[str, ...]]:
    """Return for every message that is followed, and for the beginning (None), the ids of those that follow it."""
    following: dict[str | None, list[str]] = {}
    for identifier, parent in parents.items():
        following.setdefault(parent, []).append(identifier)
    return {parent: tuple(ids) for parent, ids in following.items()}


def newest_below(parents: Mapping[str, str | None], top: str) -> str:
    """Return the message that was made last of all that come after `top`; `top` itself when there are none."""
    below, newest = {top}, top
    for identifier, parent in parents.items():
        if parent in below:
            below.add(identifier)
            newest = identifier
    return newest
