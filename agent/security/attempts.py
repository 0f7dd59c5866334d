"""Slows down those who guess passwords and codes, without locking anybody out.

Wrong tries are counted by pairs of address and account; of IPv6 addresses the first 64 bits count, since one computer
has all of them. They are forgotten after an hour, and those of a pair when it signs in. The rule:

* An address has five free tries, for all accounts together. After that each wrong one doubles the wait: 5 s, 10 s,
  ... 15 min. A try during the wait is refused and does not count.
* An account with twenty wrong tries from wherever is under attack: then each address has one free try instead of five.
  So many addresses together get little further than one, and its owner, who comes from an address of their own, gets
  in at once with the right password.

Signing in forgets a pair and not an address: who has an account could otherwise guess at others in between. Everything
is in memory; with a thousand pairs the oldest is forgotten.
"""

import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.errors import TooManyTriesError
from agent.phrase import Phrase
from agent.security.names import MOST_CHARACTERS, folded

_FREE = 5
_FREE_UNDER_ATTACK = 1
_ATTACK = 20  # wrong tries on one account
_FIRST_WAIT = 5  # seconds
_LONGEST_WAIT = 15 * 60
_FORGOTTEN_AFTER = 60 * 60
_MOST_PAIRS = 1000
_PREFIX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class _Tries:
    count: int
    last: float


class Attempts:
    """The wrong tries of the last hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: dict[tuple[str, str], _Tries] = {}  # the latest is the last

    def admit(self, address: str, account: str) -> None:
        """Count a try as a wrong one, before it is known: a thousand at the same moment are not let through as one.

        Raises:
            TooManyTriesError: this address has to wait.
        """
        pair, now = _pair(address, account), self._clock()
        self._tries = {key: tries for key, tries in self._tries.items() if now - tries.last < _FORGOTTEN_AFTER}
        wait = self._wait(pair, now)
        if wait > 0:
            raise TooManyTriesError(
                Phrase("errors.too_many_tries", "Too many wrong tries."),
                retry_after=math.ceil(wait),
                hint=Phrase("errors.too_many_tries_hint", "Try again in {seconds} s.", seconds=math.ceil(wait)),
            )
        before = self._tries.pop(pair, _Tries(0, now))
        self._tries[pair] = _Tries(before.count + 1, now)
        if len(self._tries) > _MOST_PAIRS:
            del self._tries[next(iter(self._tries))]

    def forget(self, address: str, account: str) -> None:
        """Forget the tries of a pair: the last was right."""
        self._tries.pop(_pair(address, account), None)

    def _wait(self, pair: tuple[str, str], now: float) -> float:
        """Return how many seconds an address has to wait."""
        address, account = pair
        of_account = sum(tries.count for key, tries in self._tries.items() if key[1] == account)
        of_address = [tries for key, tries in self._tries.items() if key[0] == address]
        count = sum(tries.count for tries in of_address)
        excess = count - (_FREE_UNDER_ATTACK if of_account >= _ATTACK else _FREE)
        if excess < 0:
            return 0
        wait = min(_FIRST_WAIT * 2.0 ** min(excess, 30), _LONGEST_WAIT)
        return max(tries.last for tries in of_address) + wait - now


def _pair(address: str, account: str) -> tuple[str, str]:
    return _network(address), folded(account)[:MOST_CHARACTERS]


def _network(address: str) -> str:
    """Return what is counted of an address: all of IPv4, the network of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _PREFIX_LENGTH), strict=False))
