"""The accounts of a state directory, for commands that work beside a running daemon."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.config import Config
from agent.security.accounts import Accounts
from agent.store import Store

T = TypeVar("T")


def with_accounts(config: Config, work: Callable[[Accounts], Coroutine[Any, Any, T]]) -> T:
    """Open app.db, do some work with the accounts in it, and close it.

    Raises:
        StoreError: it cannot be opened.
    """
    store = Store(config.state_dir / "app.db")
    try:
        store.open()
        return asyncio.run(work(Accounts.on(store, config.state_dir)))
    finally:
        store.close()
