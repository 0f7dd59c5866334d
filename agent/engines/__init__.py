"""What an inference engine is: the protocol that every engine module implements.

An engine is one module of this package, named as in the configuration (`engine = "llama_cpp"`), with a function
`create() -> Engine`. It is imported only in the engine process and only when it is chosen, so that a board without
one library still runs the others. `docs/add-an-engine.md` walks through a new one.

An engine runs in one thread. It is driven like this, by `agent.inference.worker`:

    info = engine.load(options, on_progress)
    slot = engine.start(request)            # while engine.free > 0
    for event in engine.step(): ...         # Prefilled and Sampled, until the caller has enough
    engine.release(slot)                    # always, also after the last token: nothing ends by itself
    engine.close()
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from agent.errors import ConfigError
from agent.plan import Plan
from agent.speed import Rates


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the next token is drawn from the logits. Defaults leave the distribution as the model gives it.

    Attributes:
        temperature: 0 takes the likeliest token.
        top_k: keep the k likeliest tokens; 0 keeps all.
        top_p: keep the smallest set of tokens whose probabilities reach p; 1 keeps all.
        min_p: drop tokens less likely than this share of the likeliest; 0 drops none.
        repeat_penalty: divide the logits of the last tokens by this; 1 is off.
        frequency_penalty: subtract this per occurrence among the last tokens.
        presence_penalty: subtract this once for each token that occurs among the last ones.
        repeat_last_n: how many tokens back the three penalties look.
        seed: of the random draw; None takes a new one each time.
        logit_bias: added to the logit of a token id before everything else.
        grammar: GBNF text that the answer must match; empty for none.
        schema: JSON schema, as JSON text, that the answer must match; empty for none.
        top_logprobs: None for no log probabilities, else how many alternatives to report with each token.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repeat_last_n: int = 64
    seed: int | None = None
    logit_bias: dict[int, float] = msgspec.field(default_factory=dict)
    grammar: str = ""
    schema: str = ""
    top_logprobs: int | None = None


class ModelInfo(msgspec.Struct, frozen=True):
    """What an engine has loaded.

    Attributes:
        architecture: as the model file names it, such as `llama`.
        context: tokens of prompt and answer together that one request may use.
        training_context: tokens of context that the model was trained for; 0 when unknown.
        parallel: requests that are answered at the same time.
        vocabulary: number of tokens.
        chat_template: Jinja source from the model file, or None.
        bos: text of the beginning-of-sequence token.
        eos: text of the end-of-sequence token.
        adds_bos: whether tokenizing with `add_special` puts the BOS token in front.
        build: version of the engine library, as recorded beside set-aside models and measurements.
    """

    architecture: str
    context: int
    training_context: int
    parallel: int
    vocabulary: int
    chat_template: str | None
    bos: str
    eos: str
    adds_bos: bool
    build: str


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What to load, and how.

    Attributes:
        path: the model file; None for engines that need none.
        plan: how to run it.
        extra_buffers: allow repacked copies of the weights; off is the cure for builds with broken kernels.
        libraries: with more execution providers for ONNX Runtime.
    """

    path: Path | None
    plan: Plan
    extra_buffers: bool
    libraries: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class SequenceRequest:
    """One sequence to continue: prompt tokens, never empty, and how to sample."""

    tokens: Sequence[int]
    sampling: Sampling


@dataclass(slots=True)
class Prefilled:
    """Progress of a prompt: `processed` of `total` tokens are in the KV cache, `cached` of them from before."""

    slot: int
    processed: int
    total: int
    cached: int


@dataclass(slots=True)
class Sampled:
    """One new token of a sequence.

    Attributes:
        slot: as returned by `start`.
        token: its id.
        piece: its bytes; may end inside a UTF-8 character. Empty for control tokens.
        end: the model ends its answer here.
        logprob: natural logarithm of its probability before sampling changed it; None unless asked for.
        top: the likeliest tokens with their log probabilities, best first.
    """

    slot: int
    token: int
    piece: bytes
    end: bool
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


class Engine(Protocol):
    """One inference library. Methods are called from one thread, in the order the module docstring shows."""

    def load(self, options: LoadOptions, on_progress: Callable[[float], None]) -> ModelInfo:
        """Load the model and run a first batch through it; `on_progress` gets a fraction now and then.

        Raises:
            ModelFileError: the file cannot be used by this engine.
            EngineError: the library refused, for example for lack of memory.
        """

    def tokenize(self, text: str, *, special: bool, begin: bool) -> list[int]:
        """Return token ids; `special` recognises control tokens in the text, `begin` puts BOS in front if due."""

    def controls(self) -> list[str]:
        """Return the texts that `tokenize` with `special` turns into control tokens."""

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token as they appear in an answer.

        Raises:
            RequestError: there is no such token.
        """

    @property
    def free(self) -> int:
        """How many more sequences can be started now."""

    def start(self, request: SequenceRequest) -> int:
        """Place a sequence in a free slot and return the slot.

        Raises:
            RequestError: the sampling cannot be done, for example a grammar with a syntax error.
        """

    def step(self) -> list[Prefilled | Sampled]:
        """Advance all sequences: one token each, or a piece of their prompts.

        Raises:
            EngineError: the library failed; all sequences are lost.
        """

    def release(self, slot: int) -> None:
        """End a sequence; its KV cache stays for a later prompt with the same beginning."""

    def use_threads(self, count: int) -> int:
        """Compute with so many threads from now on; returns with how many it does, which may be all as before."""

    def keep_conversations(self, *, keep: bool) -> None:
        """Keep conversations that have no slot any more in memory as planned, or forget them and keep none."""

    def close(self) -> None:
        """Free everything."""

    def measure(self, threads: int, seconds: float, memory: int) -> Rates:
        """Return what the kernels achieve on this machine; without a model, before `load` or instead of it.

        Args:
            threads: compute threads.
            seconds: about how long it may take.
            memory: bytes that it may take.

        Raises:
            EngineError: it cannot be measured.
        """


def names() -> list[str]:
    """Return the names of all engines, without importing any."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def create(name: str) -> Engine:
    """Import one engine module and create its engine.

    Raises:
        ConfigError: there is no such engine, or its library is not installed.
    """
    if name not in names():
        raise ConfigError(f"There is no engine {name!r}.", hint=f"Engines: {', '.join(names())}.")
    try:
        module = importlib.import_module(f"agent.engines.{name}")
    except ImportError as error:
        raise ConfigError(
            f"Engine {name!r} cannot be loaded: {error}.", hint="Run `make setup`, or choose another engine."
        ) from error
    engine: Engine = module.create()
    return engine
