"""The ONNX engine: continuous batching on plain ONNX Runtime, with a KV loop of our own.

onnxruntime-genai, which is made for these models, has no continuous batching on a CPU: who comes while others answer
waits until all of them have ended (docs/adr/0010-own-onnx-loop.md). What this loop does not understand is computed by
that library's generators, in the engine `genai`, which has everything else from here.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.batching.archive import Archive
from agent.batching.pace import LEAST_CHUNK
from agent.batching.scheduler import Scheduler
from agent.batching.slots import Slot
from agent.engines import Engine, LoadOptions, ModelInfo, Prefilled, Sampled, SequenceRequest
from agent.engines.onnx.cache import SharedCache
from agent.engines.onnx.constraint import Constraints
from agent.engines.onnx.growing import GrowingCache
from agent.engines.onnx.kernels import measure
from agent.engines.onnx.runner import Runner
from agent.engines.onnx.sampling import Sampler
from agent.engines.onnx.session import build, open_session
from agent.engines.onnx.signature import signature_of
from agent.engines.onnx.vocabulary import Vocabulary
from agent.errors import EngineError, ModelFileError
from agent.onnx import ModelFolder, read_folder
from agent.plan import Plan
from agent.speed import Rates

_GENAI = "The engine genai runs it, if onnxruntime-genai is installed: `edgewise run --engine genai`."


def create() -> Engine:
    """Return an ONNX engine with nothing loaded."""
    return Onnx(open_loop, build)


class Onnx:
    """See `agent.engines.Engine` for what each method promises.

    Args:
        open_runner: loads the graph of a folder for a context of so many tokens.
        version: of the library that runs it.
    """

    def __init__(
        self, open_runner: Callable[[ModelFolder, LoadOptions, int], Runner], version: Callable[[], str]
    ) -> None:
        self._open_runner = open_runner
        self._version = version
        self._samplers: dict[int, Sampler] = {}

    def load(self, options: LoadOptions, on_progress: Callable[[float], None]) -> ModelInfo:
        """Load the model, and run several tokens and then a single one through it."""
        if options.path is None:
            raise ModelFileError("The ONNX engine needs a model.", field="file")
        folder = read_folder(options.path)
        texts = folder.texts
        self._vocabulary = Vocabulary(
            folder.root / "tokenizer.json",
            size=folder.vocabulary,
            bos=texts.bos if texts.adds_bos else "",
            eos=texts.eos,
            ends=folder.eos,
        )
        self._constraints = Constraints(self._vocabulary)
        on_progress(0.0)  # the library tells nothing while it loads
        self._plan = plan = options.plan
        context = _context(plan, folder)
        self._runner = self._open_runner(folder, options, context)
        self._archive = Archive(plan.prompt_cache)
        self._scheduler = Scheduler(plan.parallel, self._runner, self._archive, plan.micro_batch, last=2)
        self._self_test(context)
        on_progress(1.0)
        return ModelInfo(
            architecture=folder.architecture,
            context=context,
            training_context=folder.context_length,
            parallel=plan.parallel,
            vocabulary=self._runner.vocabulary,
            chat_template=folder.chat_template,
            bos=folder.bos_text,
            eos=folder.eos_text,
            adds_bos=self._vocabulary.adds_bos,
            build=self._version(),
        )

    def tokenize(self, text: str, *, special: bool, begin: bool) -> list[int]:
        """Return the token ids of a text."""
        return self._vocabulary.tokenize(text, special=special, begin=begin)

    def controls(self) -> list[str]:
        """Return the texts of all control tokens."""
        return self._vocabulary.controls()

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token."""
        return self._vocabulary.piece(token)

    @property
    def free(self) -> int:
        """How many slots have no request."""
        return self._scheduler.free

    def start(self, request: SequenceRequest) -> int:
        """Place a sequence where most of its prompt is in the KV cache already."""
        prompt = list(request.tokens)
        constraint = self._constraints.of(request.sampling)
        sampler = Sampler(request.sampling, self._runner.vocabulary, prompt, constraint)
        slot = self._scheduler.place(prompt)
        self._samplers[slot.index] = sampler
        return slot.index

    def step(self) -> list[Prefilled | Sampled]:
        """A token for everyone who decodes, and a chunk of the waiting prompts."""
        return self._scheduler.step(self._compute, self._sample)

    def release(self, slot: int) -> None:
        """End a sequence; its cells stay."""
        self._scheduler.release(slot)
        del self._samplers[slot]

    def measure(self, threads: int, seconds: float, memory: int) -> Rates:
        """Measure single operations of ONNX Runtime."""
        return measure(threads, seconds, memory)

    def use_threads(self, count: int) -> int:  # noqa: ARG002 - the protocol's signature
        """Change nothing: the threads of a session are those it was opened with."""
        return self._plan.threads

    def keep_conversations(self, *, keep: bool) -> None:
        """Keep conversations in the archive, or forget them."""
        self._archive.resize(self._plan.prompt_cache if keep else 0)

    def close(self) -> None:
        """Free the model."""
        del self._runner, self._scheduler

    def _compute(self, work: Sequence[tuple[Slot, int]]) -> dict[int, NDArray[np.floating]]:
        started = time.perf_counter()
        rows = self._runner.compute(work)
        self._scheduler.pace.learn([count for _, count in work], time.perf_counter() - started)
        return rows

    def _sample(self, slot: Slot, logits: NDArray[np.floating]) -> Sampled:
        token, logprob, top = self._samplers[slot.index].sample(logits)
        slot.pending = [token]
        end = token in self._vocabulary.ends
        return Sampled(slot.index, token, b"" if end else self.piece(token), end, logprob, top)

    def _self_test(self, context: int) -> None:
        """Show that the kernels work on this processor, and warm them up.

        Raises:
            EngineError: the logits are not numbers. A crash of the kernels ends the process instead.
        """
        tokens = [token % self._runner.vocabulary for token in range(min(LEAST_CHUNK, context))]
        for group in (tokens, tokens[:1], tokens):  # the second long one is warm and tells the prefill speed
            slot = Slot(0, pending=list(group), busy=True)
            self._runner.keep(slot, 0)
            logits = self._compute([(slot, len(group))])[0]
            if not np.isfinite(logits).all():
                raise EngineError("The self-test of the model gave logits that are not numbers.")
        self._runner.keep(slot, 0)


def open_loop(folder: ModelFolder, options: LoadOptions, context: int) -> Runner:
    """Load a graph for the loop of this engine, which runs on the CPU.

    Raises:
        ModelFileError: it is one for the engine `genai` or for another provider, or the library refuses it.
        EngineError: there is not enough memory.
    """
    plan = options.plan
    if folder.runner != "loop":
        raise ModelFileError(f"The engine onnx cannot run {folder.root}: {folder.reason}.", field="graph", hint=_GENAI)
    if plan.provider != "cpu":
        raise ModelFileError(f"The engine onnx runs on the CPU, not on {plan.provider}.", field="provider", hint=_GENAI)
    session = open_session(folder.graph, plan.threads)
    signature = signature_of(folder)
    if folder.cache == "growing":
        return GrowingCache(session, signature, plan)
    try:
        return SharedCache(session, signature, plan, context)
    except (MemoryError, ValueError) as error:  # the latter when no memory of any computer would do
        raise EngineError(
            f"There is not enough memory for {plan.parallel} sequences of {context} tokens.",
            hint="Run with a smaller --context or --parallel.",
        ) from error


def _context(plan: Plan, folder: ModelFolder) -> int:
    """Return the tokens of context; a growing cache cannot hold some keys turned for short texts and some for long."""
    trained = folder.context_length
    switch = signature_of(folder).switch if folder.cache == "growing" else 0
    most = min(trained, switch) if trained and switch else trained or switch
    return min(plan.context or most, most) if most else plan.context
