"""The llama.cpp engine: continuous batching on the low-level API of llama-cpp-python.

The high-level `Llama` class serves one request at a time and is not used.
"""

import time
from collections.abc import Callable

import llama_cpp.llama_cpp as lib
import numpy as np

from agent.engines import Engine, LoadOptions, ModelInfo, Prefilled, Sampled, SequenceRequest
from agent.engines.llama_cpp import library
from agent.engines.llama_cpp.archive import Archive
from agent.engines.llama_cpp.batch import Batch
from agent.engines.llama_cpp.cache import Cache
from agent.engines.llama_cpp.kernels import measure
from agent.engines.llama_cpp.sampling import Sampler
from agent.engines.llama_cpp.slots import Slot, choose, common_prefix, donor, gap, plan
from agent.errors import EngineError
from agent.speed import Rates

_ALONE = 0.75  # seconds of prefill in one step while nobody decodes: the longest a Stop or a newcomer waits
_SHARED = 0.12  # seconds of prefill in one step while others decode: a pause in their text that one hardly sees
_LEAST_CHUNK = 16  # tokens; below this the matrix kernels lose more than a half of their throughput
_WORTH_COPYING = 8  # tokens of a prompt; fewer are computed as soon
_WORTH_KEEPING = 64  # tokens that would be lost to a conversation


def create() -> Engine:
    """Return a llama.cpp engine with nothing loaded."""
    return LlamaCpp()


class LlamaCpp:
    """See `agent.engines.Engine` for what each method promises."""

    def __init__(self) -> None:
        library.initialise()
        self._slots: list[Slot] = []
        self._samplers: dict[int, Sampler] = {}
        self._pieces: dict[int, bytes] = {}
        self._clock = 0
        self._prefill_rate = 0.0  # tokens per second, measured as we go

    def load(self, options: LoadOptions, on_progress: Callable[[float], None]) -> ModelInfo:
        """Load the model and run a first batch of several tokens and one of a single token through it."""
        self._model = library.load_model(options, on_progress)
        self._vocabulary = lib.llama_model_get_vocab(self._model)
        trained = lib.llama_model_n_ctx_train(self._model)
        plan = options.plan
        context = min(plan.context or trained, trained) if trained else plan.context
        self._context = library.create_context(self._model, plan, context)
        self._cache = Cache(self._model, self._context)
        self._archive = Archive(plan.prompt_cache)
        self._micro_batch = plan.micro_batch
        self._batch = Batch(plan.micro_batch + plan.parallel)
        self._slots = [Slot(index) for index in range(plan.parallel)]
        self._self_test()
        return ModelInfo(
            architecture=library.metadata(self._model, "general.architecture"),
            context=lib.llama_n_ctx_seq(self._context),
            training_context=trained,
            parallel=plan.parallel,
            vocabulary=lib.llama_vocab_n_tokens(self._vocabulary),
            chat_template=library.chat_template(self._model),
            bos=self._control_text(lib.llama_vocab_bos(self._vocabulary)),
            eos=self._control_text(lib.llama_vocab_eos(self._vocabulary)),
            adds_bos=lib.llama_vocab_get_add_bos(self._vocabulary),
            build=library.build(),
        )

    def tokenize(self, text: str, *, special: bool, begin: bool) -> list[int]:
        """Return the token ids of a text."""
        return library.tokenize(self._vocabulary, text, special=special, begin=begin)

    def controls(self) -> list[str]:
        """Return the texts of all control tokens; 49,000 tokens take about 10 ms."""
        tokens = range(lib.llama_vocab_n_tokens(self._vocabulary))
        return [self._control_text(token) for token in tokens if lib.llama_vocab_is_control(self._vocabulary, token)]

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; they are remembered, a vocabulary has them all in a few MB."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = library.piece(self._vocabulary, token, special=False)
        return known

    @property
    def free(self) -> int:
        """How many slots have no request."""
        return sum(not slot.busy for slot in self._slots)

    def start(self, request: SequenceRequest) -> int:
        """Place a sequence where most of its prompt is in the KV cache already."""
        prompt = list(request.tokens)
        sampler = Sampler(request.sampling, self._vocabulary, prompt)
        slot = choose(self._slots, prompt)
        self._take_over(slot, prompt)
        kept = self._cache.keep(slot, min(common_prefix(slot.cells, prompt), len(prompt) - 1))
        slot.pending = prompt[kept:]
        slot.prompt, slot.cached, slot.busy = len(prompt), kept, True
        slot.order = self._tick()
        self._samplers[slot.index] = sampler
        return slot.index

    def step(self) -> list[Prefilled | Sampled]:
        """Run one batch: a token for everyone who decodes, and a chunk of the waiting prompts."""
        if apart := gap(self._slots):
            self._cache.exchange(*apart)
        work = plan(self._slots, self._budget())
        if not work:
            return []
        rows = self._advance(work)
        events: list[Prefilled | Sampled] = []
        for slot, count in work:
            filling = len(slot.cells) < slot.prompt
            slot.cells += slot.pending[:count]
            del slot.pending[:count]
            if filling:
                events.append(Prefilled(slot.index, len(slot.cells), slot.prompt, slot.cached))
            if slot.index in rows:
                events.append(self._sample(slot, rows[slot.index]))
        return events

    def release(self, slot: int) -> None:
        """End a sequence; its cells stay."""
        state = self._slots[slot]
        state.busy, state.pending = False, []
        state.order = self._tick()
        self._samplers.pop(slot).close()

    def measure(self, threads: int, seconds: float, memory: int) -> Rates:
        """Measure single operations of ggml."""
        return measure(threads, seconds, memory)

    def close(self) -> None:
        """Free context and model."""
        for sampler in self._samplers.values():
            sampler.close()
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)

    def _self_test(self) -> None:
        """Show that the kernels work on this CPU, and warm them up.

        Raises:
            EngineError: the logits are not numbers. A crash of the kernels ends the process instead.
        """
        size = lib.llama_vocab_n_tokens(self._vocabulary)
        tokens = [token % size for token in range(_LEAST_CHUNK)]
        for group in (tokens, tokens[:1], tokens):  # the second long one is warm and tells the prefill speed
            slot = Slot(0, pending=list(group), busy=True)
            self._cache.keep(slot, 0)
            self._advance([(slot, len(group))])
            logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(self._context, -1), shape=(size,))
            if not np.isfinite(logits).all():
                raise EngineError("The self-test of the model gave logits that are not numbers.")
        self._cache.keep(self._slots[0], 0)

    def _control_text(self, token: int) -> str:
        return library.piece(self._vocabulary, token, special=True).decode(errors="replace") if token >= 0 else ""

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def _budget(self) -> int:
        """Return how many prompt tokens the next step may process, so that it takes about as long as it should.

        Those who decode pause for that time, so the more of them there are for each one who waits, the shorter.
        """
        decoding = sum(slot.decoding for slot in self._slots)
        waiting = sum(slot.prefilling for slot in self._slots)
        seconds = min(_ALONE, _SHARED * max(1.0, waiting / decoding)) if decoding else _ALONE
        return max(_LEAST_CHUNK, min(int(self._prefill_rate * seconds), self._micro_batch - decoding))

    def _advance(self, work: list[tuple[Slot, int]]) -> dict[int, int]:
        """Compute the planned tokens and learn from it how fast prefill is; returns what `_fill` returns."""
        rows = self._fill(work)
        started = time.perf_counter()
        status = lib.llama_decode(self._context, self._batch.struct)
        if status != 0:
            raise EngineError(f"llama.cpp could not compute a batch (status {status}): {library.complaint()}.")
        if max(count for _, count in work) >= _LEAST_CHUNK:
            rate = sum(count for _, count in work) / (time.perf_counter() - started)
            self._prefill_rate = 0.7 * self._prefill_rate + 0.3 * rate if self._prefill_rate else rate
        return rows

    def _fill(self, work: list[tuple[Slot, int]]) -> dict[int, int]:
        """Put the planned tokens into the batch; returns the batch row whose logits each finished slot gets."""
        self._batch.clear()
        rows = {}
        for slot, count in work:
            last = count == len(slot.pending)
            row = self._batch.add(slot.pending[:count], len(slot.cells), slot.stream, want_logits=last)
            if last:
                rows[slot.index] = row
        return rows

    def _sample(self, slot: Slot, row: int) -> Sampled:
        token, logprob, top = self._samplers[slot.index].sample(self._context, row)
        slot.pending = [token]
        end = bool(lib.llama_vocab_is_eog(self._vocabulary, token))
        return Sampled(slot.index, token, b"" if end else self.piece(token), end, logprob, top)

    def _put_away(self, slot: Slot, prompt: list[int]) -> None:
        """Save the conversation in a slot that the prompt does not continue."""
        lost = len(slot.cells) - common_prefix(slot.cells, prompt)
        if lost >= _WORTH_KEEPING and self._archive.room(self._cache.size(slot)):
            self._archive.put(self._cache.save(slot))

    def _take_over(self, slot: Slot, prompt: list[int]) -> None:
        """Copy the beginning of a prompt from where there is most of it: the archive, or another slot."""
        known = common_prefix(slot.cells, prompt)
        source = donor(self._slots, slot, prompt, _WORTH_COPYING) if self._cache.divisible else None
        elsewhere = common_prefix(source.cells, prompt) if source else known
        entry = self._archive.take(prompt, elsewhere + _WORTH_COPYING)
        self._put_away(slot, prompt)
        if entry:
            self._cache.restore(entry, slot)
        elif source:
            self._cache.copy(source, slot)
