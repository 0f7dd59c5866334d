"""What the loop over tokens needs of whatever computes them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.batching.cache import Cache
from agent.batching.slots import Slot


class Runner(Cache, Protocol):
    """A model that is loaded, with the KV cache of its slots."""

    @property
    def vocabulary(self) -> int:
        """Tokens for which there are logits."""

    def compute(self, work: Sequence[tuple[Slot, int]]) -> dict[int, NDArray[np.floating]]:
        """Process so many pending tokens of each slot.

        Returns:
            The logits [vocabulary] after the last of them, by slot, for slots that have no more.

        Raises:
            EngineError: the library failed.
        """
