"""The echo engine: no model, deterministic answers. Protocol tests and load tests of the daemon run on it.

It repeats the last user message. A message that begins with a directive makes it act, so that a test can ask for
what a small model would do only by luck:

    !text WORDS          answer with these words
    !hex DIGITS          answer with these bytes
    !count N             answer with the numbers from 1 to N
    !delay MS REST       sleep so long in each step, then go on with REST
    !crash [SIGNAL]      end the engine process by this signal (9 when none is named), as a broken kernel would
    !fail                report that a batch could not be computed
    !hang                never come back from a step

A model file for this engine holds one line: `!crash`, `!crash-repacked`, `!kill`, `!hang` or `!refuse`, to make loading
fail so.

Tokens are bytes: id = value, so every non-ASCII character crosses token borders. 256 ends an answer; 257 and 258
are the marks around the messages of a chat.
"""

import functools
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.engines import Engine, LoadOptions, ModelInfo, Prefilled, Sampled, SequenceRequest
from agent.errors import EngineError, RequestError
from agent.speed import Rates

_END, _OPEN, _CLOSE = 256, 257, 258
_MARKS = {_OPEN: b"<|im_start|>", _CLOSE: b"<|im_end|>"}
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CHUNK = 512  # prompt tokens per step
_DEFAULT_CONTEXT = 4096


def create() -> Engine:
    """Return an echo engine."""
    return Echo()


@dataclass(slots=True)
class _Sequence:
    prompt: list[int]
    answer: bytes
    delay: float  # seconds per step
    act: Callable[[], None] | None
    top: int | None
    processed: int = 0
    sent: int = 0


class Echo:
    """See `agent.engines.Engine` for what each method promises."""

    def __init__(self) -> None:
        self._running: dict[int, _Sequence] = {}
        self._parallel = self._threads = 0

    def load(self, options: LoadOptions, on_progress: Callable[[float], None]) -> ModelInfo:
        """There is nothing to load; a file says how to fail."""
        directive = options.path.read_text().strip() if options.path else ""
        if directive == "!crash" or (directive == "!crash-repacked" and options.extra_buffers):
            os.kill(os.getpid(), signal.SIGSEGV)
        if directive == "!kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if directive == "!hang":
            signal.pause()
        if directive == "!refuse":
            raise EngineError("The echo engine was asked to refuse.")
        on_progress(1.0)
        self._parallel, self._threads = options.plan.parallel, options.plan.threads
        return ModelInfo(
            architecture="echo",
            context=options.plan.context or _DEFAULT_CONTEXT,
            training_context=0,
            parallel=options.plan.parallel,
            vocabulary=_CLOSE + 1,
            chat_template=_TEMPLATE,
            bos="",
            eos=_MARKS[_CLOSE].decode(),
            adds_bos=False,
            build="echo",
        )

    def tokenize(self, text: str, *, special: bool, begin: bool) -> list[int]:  # noqa: ARG002 - there is no BOS
        """Return one token per byte, and one per mark if `special`."""
        data = text.encode()
        tokens: list[int] = []
        at = 0
        while at < len(data):
            mark = next((t for t, m in _MARKS.items() if special and data.startswith(m, at)), None)
            tokens.append(data[at] if mark is None else mark)
            at += 1 if mark is None else len(_MARKS[mark])
        return tokens

    def controls(self) -> list[str]:
        """Return the texts of the two marks."""
        return [mark.decode() for mark in _MARKS.values()]

    def piece(self, token: int) -> bytes:
        """Return the byte that a token stands for; marks have none."""
        if not 0 <= token <= _CLOSE:
            raise RequestError(f"There is no token {token} in this model's vocabulary.")
        return bytes([token]) if token < _END else b""

    @property
    def free(self) -> int:
        """How many slots have no request."""
        return self._parallel - len(self._running)

    def start(self, request: SequenceRequest) -> int:
        """Read the script out of the last message."""
        slot = next(slot for slot in range(self._parallel) if slot not in self._running)
        prompt = list(request.tokens)
        answer, delay, act = _script(_last_message(prompt))
        self._running[slot] = _Sequence(prompt, answer, delay, act, request.sampling.top_logprobs)
        return slot

    def step(self) -> list[Prefilled | Sampled]:
        """Advance every sequence by a chunk of its prompt or by one byte of its answer."""
        time.sleep(max((sequence.delay for sequence in self._running.values()), default=0.0))
        return [_advance(slot, sequence) for slot, sequence in self._running.items()]

    def release(self, slot: int) -> None:
        """Forget a sequence."""
        del self._running[slot]

    def measure(self, threads: int, seconds: float, memory: int) -> Rates:  # noqa: ARG002 - the protocol's signature
        """Refuse: what computes nothing has no speed."""
        raise EngineError("The echo engine has no speed that could be measured.")

    def use_threads(self, count: int) -> int:  # noqa: ARG002 - the protocol's signature
        """Change nothing: what sleeps cannot do it with fewer threads."""
        return self._threads

    def keep_conversations(self, *, keep: bool) -> None:
        """Forget nothing: nothing was kept."""

    def close(self) -> None:
        """There is nothing to free."""


def _advance(slot: int, sequence: _Sequence) -> Prefilled | Sampled:
    total = len(sequence.prompt)
    if sequence.processed < total:
        sequence.processed = min(sequence.processed + _CHUNK, total)
        return Prefilled(slot, sequence.processed, total, 0)
    if sequence.act:
        sequence.act()
    end = sequence.sent >= len(sequence.answer)
    token = _END if end else sequence.answer[sequence.sent]
    sequence.sent += 1
    piece = b"" if end else bytes([token])
    if sequence.top is None:
        return Sampled(slot, token, piece, end)
    others = [((token + step) % _END, -10.0 * step) for step in range(1, sequence.top)]
    top = tuple([(token, 0.0), *others][: sequence.top])
    return Sampled(slot, token, piece, end, 0.0, top)


def _last_message(prompt: list[int]) -> bytes:
    """Return the last user message of a rendered chat, or all of a plain prompt."""
    user = [*(token for token in b"user\n")]
    starts = [at + 1 for at, token in enumerate(prompt) if token == _OPEN and prompt[at + 1 : at + 6] == user]
    if not starts:
        return bytes(token for token in prompt if token < _END)
    begin = starts[-1] + len(user)
    end = prompt.index(_CLOSE, begin) if _CLOSE in prompt[begin:] else len(prompt)
    return bytes(token for token in prompt[begin:end] if token < _END)


def _script(message: bytes) -> tuple[bytes, float, Callable[[], None] | None]:
    """Return what a message asks for: the answer, seconds of delay per step, something to do at the first token.

    Raises:
        RequestError: a directive is not understood.
    """
    verb, _, rest = message.partition(b" ")
    try:
        if verb == b"!delay":
            milliseconds, _, following = rest.partition(b" ")
            answer, _, act = _script(following)
            return answer, float(milliseconds) / 1000, act
        if verb in _ANSWERS:
            return _ANSWERS[verb](rest), 0.0, None
        if verb in _ACTS:
            return b"", 0.0, functools.partial(_ACTS[verb], rest)
    except ValueError as error:
        raise RequestError(f"The echo engine does not understand {message[:40]!r}.", param="messages") from error
    return message, 0.0, None


def _crash(number: bytes) -> None:
    os.kill(os.getpid(), int(number or b"9"))


def _fail(_: bytes) -> None:
    raise EngineError("The echo engine was asked to fail.")


def _hang(_: bytes) -> None:
    signal.pause()


_ANSWERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"!text": lambda words: words,
    b"!hex": lambda digits: bytes.fromhex(digits.decode()),
    b"!count": lambda number: " ".join(str(n + 1) for n in range(int(number))).encode(),
}
_ACTS: dict[bytes, Callable[[bytes], None]] = {b"!crash": _crash, b"!fail": _fail, b"!hang": _hang}
