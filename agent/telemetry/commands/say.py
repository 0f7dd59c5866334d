"""Have the model answer a prompt; off unless the setting `mqtt_say` allows some."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.chat.thinking import ThinkingSplitter
from agent.engines import Sampling
from agent.errors import EngineError, ForbiddenError, TooManyTriesError
from agent.inference.answer import Answer
from agent.inference.frames import Delta, Finished, Generate, Started
from agent.telemetry.calls import Call, Traits
from agent.telemetry.host import Host

TRAITS = Traits(slow=True, private=True)
_HOUR = 3600.0
_LONGEST = 32_000  # characters of a prompt
_WHO = "mqtt"  # whose share of the queue it takes
_TEMPLATE = {"enable_thinking": False}  # nobody reads along while it thinks
_GAP = 0.2  # seconds between two parts of a streamed answer, so that a message is not a single token


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked.

    Attributes:
        prompt: the question.
        system: what the model is told before it.
        max_tokens: of the answer.
        temperature: 0 takes the likeliest words.
        stream: send the answer in parts as it comes, as `progress`, and all of it at the end.
        timeout_s: seconds after which the answer ends where it is.
    """

    prompt: Annotated[str, Meta(min_length=1, max_length=_LONGEST)]
    system: Annotated[str, Meta(max_length=_LONGEST)] = ""
    max_tokens: Annotated[int, Meta(ge=1, le=4096)] = 256
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.8
    stream: bool = False
    timeout_s: Annotated[float, Meta(gt=0, le=900)] = 120.0


class Part(msgspec.Struct, frozen=True):
    """The next words of a streamed answer."""

    text: str


class Said(msgspec.Struct, frozen=True):
    """The answer.

    Attributes:
        finish: `stop`, `length`, or `timeout`.
        prompt_tokens: of the question.
        tokens: of the answer.
    """

    text: str
    model: str
    finish: str
    prompt_tokens: int
    tokens: int


async def run(host: Host, args: Args, call: Call) -> Said:
    """Answer. Neither prompt nor answer is kept or logged."""
    if not host.config.mqtt_say:
        raise ForbiddenError("Prompts over MQTT are off.", hint="The setting mqtt_say says how many an hour may come.")
    if await call.recent(_HOUR) > host.config.mqtt_say:
        raise TooManyTriesError(f"{host.config.mqtt_say} prompts an hour may come.", retry_after=round(_HOUR))

    async def part(text: str) -> None:
        if args.stream:
            await call.progress("", Part(text))

    model = next(iter(host.names()), "")
    stream = host.generate(_request(args), _WHO)
    reading = _Reading(stream, part)
    try:
        async with asyncio.timeout(args.timeout_s):
            await reading.read()
    except TimeoutError:
        if not reading.text:
            raise EngineError(f"No answer within {args.timeout_s:g} s.") from None
    finally:
        stream.cancel()
    end = reading.end
    prompt, tokens = (end.timings.prompt, end.timings.completion) if end else (reading.prompt, reading.tokens)
    return Said(reading.text.strip(), model, end.reason if end else "timeout", prompt, tokens)


def _request(args: Args) -> Generate:
    system = [{"role": "system", "content": args.system}] if args.system else []
    return Generate(
        id=0,
        sampling=Sampling(temperature=args.temperature, top_k=40, top_p=0.95, min_p=0.05),
        messages=[*system, {"role": "user", "content": args.prompt}],
        max_tokens=args.max_tokens,
        template=_TEMPLATE,
    )


class _Reading:
    """Reads an answer; what a model thinks all the same is left out."""

    def __init__(self, answer: Answer, part: Callable[[str], Awaitable[None]]) -> None:
        self.text = ""
        self.end: Finished | None = None
        self.prompt = self.tokens = 0
        self._answer = answer
        self._part = part
        self._splitter = ThinkingSplitter()

    async def read(self) -> None:
        """Read to the end, and pass on what is said."""
        while events := await self._answer.events():
            new = ""
            for event in events:
                if isinstance(event, Started):
                    self.prompt, self._splitter.thinking = event.prompt, event.thinks
                elif isinstance(event, Delta):
                    self.tokens += event.tokens
                    new += _said(self._splitter, event.text)
                elif isinstance(event, Finished):
                    self.end = event
                    new += "".join(text for kind, text in self._splitter.finish() if kind == "said")
            self.text += new
            if new:
                await self._part(new)
            if self.end is None:
                await asyncio.sleep(_GAP)


def _said(splitter: ThinkingSplitter, text: str) -> str:
    return "".join(part for kind, part in splitter.push(text) if kind == "said")
