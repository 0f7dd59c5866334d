"""The llama.cpp engine: continuous batching on the low-level API of llama-cpp-python.

The high-level `Llama` class serves one request at a time and is not used.
"""

import time
from collections.abc import Callable, Sequence

import llama_cpp.llama_cpp as lib
import numpy as np

from agent.batching.archive import Archive
from agent.batching.pace import LEAST_CHUNK
from agent.batching.scheduler import Scheduler
from agent.batching.slots import Slot
from agent.engines import Engine, LoadOptions, ModelInfo, Prefilled, Sampled, SequenceRequest
from agent.engines.llama_cpp import library
from agent.engines.llama_cpp.batch import Batch
from agent.engines.llama_cpp.cache import Cache
from agent.engines.llama_cpp.kernels import measure
from agent.engines.llama_cpp.sampling import Sampler
from agent.errors import EngineError
from agent.speed import Rates


def create() -> Engine:
    """Return a llama.cpp engine with nothing loaded."""
    return LlamaCpp()


class LlamaCpp:
    """See `agent.engines.Engine` for what each method promises."""

    def __init__(self) -> None:
        library.initialise()
        self._samplers: dict[int, Sampler] = {}

    def load(self, options: LoadOptions, on_progress: Callable[[float], None]) -> ModelInfo:
        """Load the model and run a first batch of several tokens and one of a single token through it."""
        self._model = library.load_model(options, on_progress)
        self._vocabulary = lib.llama_model_get_vocab(self._model)
        trained = lib.llama_model_n_ctx_train(self._model)
        self._plan = plan = options.plan
        context = min(plan.context or trained, trained) if trained else plan.context
        self._context = library.create_context(self._model, plan, context)
        self._cache = Cache(self._model, self._context)
        self._archive = Archive(plan.prompt_cache)
        self._scheduler = Scheduler(plan.parallel, self._cache, self._archive, plan.micro_batch)
        self._batch = Batch(plan.micro_batch + plan.parallel)
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
        """Return the bytes of a token. To remember them would save a microsecond and cost megabytes in the long run."""
        return library.piece(self._vocabulary, token, special=False)

    @property
    def free(self) -> int:
        """How many slots have no request."""
        return self._scheduler.free

    def start(self, request: SequenceRequest) -> int:
        """Place a sequence where most of its prompt is in the KV cache already."""
        prompt = list(request.tokens)
        sampler = Sampler(request.sampling, self._vocabulary, prompt)
        slot = self._scheduler.place(prompt)
        self._samplers[slot.index] = sampler
        return slot.index

    def step(self) -> list[Prefilled | Sampled]:
        """Run one batch: a token for everyone who decodes, and a chunk of the waiting prompts."""
        return self._scheduler.step(self._advance, self._sample)

    def release(self, slot: int) -> None:
        """End a sequence; its cells stay."""
        self._scheduler.release(slot)
        self._samplers.pop(slot).close()

    def measure(self, threads: int, seconds: float, memory: int) -> Rates:
        """Measure single operations of ggml."""
        return measure(threads, seconds, memory)

    def use_threads(self, count: int) -> int:
        """Compute with so many threads from the next step on."""
        lib.llama_set_n_threads(self._context, count, count)
        return count

    def keep_conversations(self, *, keep: bool) -> None:
        """Keep conversations in the archive, or forget them."""
        self._archive.resize(self._plan.prompt_cache if keep else 0)

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
        tokens = [token % size for token in range(LEAST_CHUNK)]
        for group in (tokens, tokens[:1], tokens):  # the second long one is warm and tells the prefill speed
            slot = Slot(0, pending=list(group), busy=True)
            self._cache.keep(slot, 0)
            self._advance([(slot, len(group))])
            logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(self._context, -1), shape=(size,))
            if not np.isfinite(logits).all():
                raise EngineError("The self-test of the model gave logits that are not numbers.")
        self._cache.keep(slot, 0)

    def _control_text(self, token: int) -> str:
        return library.piece(self._vocabulary, token, special=True).decode(errors="replace") if token >= 0 else ""

    def _advance(self, work: Sequence[tuple[Slot, int]]) -> dict[int, int]:
        """Compute the planned tokens and learn from it how fast prefill is; returns what `_fill` returns."""
        rows = self._fill(work)
        started = time.perf_counter()
        status = lib.llama_decode(self._context, self._batch.struct)
        if status != 0:
            raise EngineError(f"llama.cpp could not compute a batch (status {status}): {library.complaint()}.")
        self._scheduler.pace.learn([count for _, count in work], time.perf_counter() - started)
        return rows

    def _fill(self, work: Sequence[tuple[Slot, int]]) -> dict[int, int]:
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
