"""Writing what needs room: when a person has none left, their bin gives way."""

from collections.abc import Callable
from typing import TypeVar

from sqlite_utils import Database

from agent.chat.conversations import empty_bin
from agent.errors import NoRoomError
from agent.store import Store

T = TypeVar("T")


async def write_with_room(store: Store, user_id: str, change: Callable[[Database], T]) -> T:
    """Run `change` as one transaction; when there is no room for it, once more without what the person has deleted.

    Raises:
        NoRoomError: there is no room all the same.
        StoreError: the database cannot be written.
    """
    try:
        return await store.write(change)
    except NoRoomError:
        await empty_bin(store, user_id)
    return await store.write(change)
