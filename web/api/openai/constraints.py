"""Who may constrain an answer how: a grammar is a program, and with some a single token takes minutes."""

from agent.errors import ForbiddenError
from agent.security.identity import Identity, Scope

_ADMIN: Scope = "admin"


def check_grammar(identity: Identity | None, grammar: str | None) -> None:
    """Leave grammars to those who could stop the device anyway.

    Raises:
        ForbiddenError: somebody else sends one.
    """
    if grammar and not _is_admin(identity):
        raise _refusal("A grammar")


def check_schema(identity: Identity | None, schema: object) -> None:
    """Leave patterns in JSON schemas to the same: they are grammars in another form.

    Raises:
        ForbiddenError: somebody else sends one.
    """
    if not _is_admin(identity) and _has_pattern(schema):
        raise _refusal("A pattern in a JSON schema")


def _is_admin(identity: Identity | None) -> bool:
    return identity is not None and identity.has_scope(_ADMIN)


def _refusal(what: str) -> ForbiddenError:
    hint = "The rest of JSON schemas is open to all keys; `enum` is often enough."
    return ForbiddenError(
        f"{what} needs a key with the scope {_ADMIN}: it can keep the engine from all others.", hint=hint
    )


def _has_pattern(schema: object) -> bool:
    """Tell whether there is one; a property may have that name, but is no text."""
    left = [schema]  # not a recursion: schemas may be nested deeper than Python calls
    while left:
        part = left.pop()
        if isinstance(part, dict):
            if isinstance(part.get("pattern"), str):
                return True
            left += part.values()
        elif isinstance(part, list):
            left += part
    return False
