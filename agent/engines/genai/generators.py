"""One generator of onnxruntime-genai for each slot: the only module that imports the library."""

import contextlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime_genai as og
from numpy.typing import NDArray

from agent.batching.archive import Entry
from agent.batching.slots import Slot
from agent.engines import LoadOptions
from agent.engines.genai.providers import open_model
from agent.errors import EngineError
from agent.onnx import ModelFolder

og.disable_telemetry_events()  # beside ORT_DISABLE_TELEMETRY, with which engine processes start


class Generators:
    """See `agent.engines.onnx.runner.Runner`. The state of a generator cannot be read out, nor copied."""

    divisible = False

    def __init__(self, folder: ModelFolder, options: LoadOptions, context: int) -> None:
        self.vocabulary = folder.vocabulary
        self._model = open_model(folder, options)
        self._context = context
        self._generators = [self._new() for _ in range(options.plan.parallel)]

    def compute(self, work: Sequence[tuple[Slot, int]]) -> dict[int, NDArray[np.floating]]:
        """Process pending tokens, one slot after the other; returns the logits of those who have no more."""
        rows = {}
        for slot, count in work:
            generator = self._generators[slot.stream]
            with _computing():
                generator.append_tokens(np.array(slot.pending[:count], np.int32))
                if count == len(slot.pending):
                    rows[slot.index] = generator.get_logits()[0, -1]
        return rows

    def keep(self, slot: Slot, count: int) -> int:
        """Cut a slot back; where the model has states that cannot be cut, all or nothing is kept."""
        if not self._rewind(slot.stream, count):
            count = 0
            self._generators[slot.stream] = self._new()
        slot.cells = slot.cells[:count]
        return count

    def exchange(self, left: Slot, right: Slot) -> bool:
        """Have two slots change streams, with their generators."""
        streams = self._generators
        streams[left.stream], streams[right.stream] = streams[right.stream], streams[left.stream]
        left.stream, right.stream = right.stream, left.stream
        return True

    def size(self, slot: Slot) -> int:  # noqa: ARG002 - the same for all
        """Return more bytes than any archive has room for."""
        return sys.maxsize

    def save(self, slot: Slot) -> Entry:
        """Refuse, as `size` says.

        Raises:
            EngineError: always.
        """
        raise EngineError(f"onnxruntime-genai does not give out the state of slot {slot.index}.")

    def restore(self, entry: Entry, slot: Slot) -> None:
        """Refuse: there is no entry that could be restored.

        Raises:
            EngineError: always.
        """
        raise EngineError(f"onnxruntime-genai takes no state of {len(entry.cells)} tokens for slot {slot.index}.")

    def copy(self, source: Slot, target: Slot) -> None:
        """Refuse, as `divisible` says.

        Raises:
            EngineError: always.
        """
        raise EngineError(f"onnxruntime-genai cannot copy slot {source.index} to slot {target.index}.")

    def _new(self) -> "og.Generator":
        parameters = og.GeneratorParams(self._model)
        parameters.set_search_options(max_length=self._context)
        with _computing():
            return og.Generator(self._model, parameters)

    def _rewind(self, stream: int, count: int) -> bool:
        """Cut a generator back; False where it cannot be done."""
        generator = self._generators[stream]
        if generator.token_count() == count:
            return True
        try:
            generator.rewind_to(count)
        except RuntimeError:  # what it has for "not supported by this model", and for parts out of reach
            return False
        return True


@contextlib.contextmanager
def _computing() -> Iterator[None]:
    """Turn what the library raises into our error.

    Raises:
        EngineError: it failed.
    """
    try:
        yield
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise EngineError(f"onnxruntime-genai could not compute: {text[:300].rstrip('.')}.") from error
