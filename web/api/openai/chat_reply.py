"""The replies to chat completions: whole, and in chunks."""

import time
from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from agent.errors import EdgewiseError
from agent.inference import frames
from web.answers import Complete
from web.api.openai.logprobs import ChatLogprobs, chat_logprobs
from web.api.openai.reply import DONE, MARK, Head, TextEvent, encoder, event, failure_event
from web.api.openai.tool_calls import CALLED, ToolCall, written_calls
from web.api.openai.usage import Timings, Usage, timings, usage


class AnswerMessage(Struct, tag_field="role", tag="assistant"):
    """The answer: a text, or a call that was asked for."""

    content: str | None
    refusal: None = None
    tool_calls: list[ToolCall] | UnsetType = UNSET


class Choice(Struct):
    """One of the answers to a request."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None
    finish_reason: str


class ChatCompletion(Struct, tag_field="object", tag="chat.completion"):
    """The whole reply. `timings` are those of the answer; several answers have none in common."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage
    timings: Timings | UnsetType = UNSET


class Delta(Struct):
    """What a chunk adds to the answer."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET


class ChunkChoice(Struct):
    """Which answer a chunk belongs to."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None = None
    finish_reason: str | None = None


class PromptProgress(Struct):
    """How far the prompt is read: tokens, and milliseconds since the request came (llama.cpp)."""

    total: int
    cache: int
    processed: int
    time_ms: int


class Chunk(Struct, tag_field="object", tag="chat.completion.chunk"):
    """A piece of a streamed reply."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | UnsetType | None = UNSET
    timings: Timings | UnsetType = UNSET
    prompt_progress: PromptProgress | UnsetType = UNSET


def encode_reply(head: Head, complete: Sequence[Complete], *, calls: bool = False) -> bytes:
    """Return the body of a whole reply; `calls` when a call of a tool was asked for."""
    choices = [_choice(index, one, written_calls(one.text) if calls else []) for index, one in enumerate(complete)]
    costs = [one.timings for one in complete]
    cost = timings(costs[0]) if len(costs) == 1 else UNSET
    total = usage(costs, len(costs))
    return encoder.encode(
        ChatCompletion(head.id, head.created, head.model, head.fingerprint, choices, total, timings=cost)
    )


def _choice(index: int, one: Complete, called: list[ToolCall]) -> Choice:
    message = AnswerMessage(None, tool_calls=called) if called else AnswerMessage(one.text)
    logprobs = chat_logprobs(one.logprobs) if one.logprobs else None
    return Choice(index, message, logprobs, CALLED if called else one.reason)


class ChatStream:
    """Writes the chunks of a streamed reply (a `web.replies.StreamFormat`)."""

    def __init__(self, head: Head, n: int, *, usage: bool, progress: bool, calls: bool = False) -> None:
        self._head = head
        self._usage = usage
        self._progress = progress
        self._texts = [TextEvent(self._chunk(ChunkChoice(index, Delta(content=MARK)))) for index in range(n)]
        self._started = [frames.Started(0, 0, 0)] * n
        self._arrived = time.monotonic()
        self._costs: list[frames.Timings] = []
        self._written = [""] * n if calls else None

    def opening(self) -> bytes:
        """Return a chunk with the role for each answer."""
        choices = [ChunkChoice(index, Delta(role="assistant", content="")) for index in range(len(self._texts))]
        return b"".join(event(self._chunk(choice)) for choice in choices)

    def closing(self) -> bytes:
        """Return the usage, if it was asked for, and the end mark."""
        if not self._usage:
            return DONE
        chunk = self._chunk()
        chunk.usage = usage(self._costs, len(self._costs))
        return event(chunk) + DONE

    def failure(self, error: EdgewiseError) -> bytes:
        """Return the error."""
        return failure_event(error)

    def event(self, index: int, one: frames.Event) -> bytes:
        """Return a chunk for an event that the client is to see."""
        if isinstance(one, frames.Delta):
            if self._written is not None:  # a call is sent when it is complete
                self._written[index] += one.text
                return b""
            if one.logprobs:
                delta = Delta(content=one.text)
                return event(self._chunk(ChunkChoice(index, delta, chat_logprobs(one.logprobs))))
            return self._texts[index](one.text) if one.text else b""
        if isinstance(one, frames.Finished):
            self._costs.append(one.timings)
            content, reason = self._call(index, one.reason)
            chunk = self._chunk(ChunkChoice(index, Delta(), finish_reason=reason))
            chunk.timings = timings(one.timings)
            return content + event(chunk)
        return self._prompt_event(index, one) if self._progress else b""

    def _call(self, index: int, reason: str) -> tuple[bytes, str]:
        """Return the call that was asked for, if any, and how its answer ends; as text what is no call."""
        if self._written is None:
            return b"", reason
        text = self._written[index]
        called = written_calls(text)
        for number, one in enumerate(called):
            one.index = number
        delta = Delta(tool_calls=called) if called else Delta(content=text)
        return event(self._chunk(ChunkChoice(index, delta))), CALLED if called else reason

    def _prompt_event(self, index: int, one: frames.Event) -> bytes:
        """Return how far the prompt of an answer is read."""
        if isinstance(one, frames.Started):
            self._started[index] = one
        if not isinstance(one, frames.Prefill):
            return b""
        started = self._started[index]
        elapsed = round((time.monotonic() - self._arrived) * 1000)
        chunk = self._chunk(ChunkChoice(index, Delta()))
        chunk.prompt_progress = PromptProgress(started.prompt, started.cached, one.processed, elapsed)
        return event(chunk)

    def _chunk(self, *choices: ChunkChoice) -> Chunk:
        head = self._head
        chunk = Chunk(head.id, head.created, head.model, head.fingerprint, list(choices))
        if self._usage:
            chunk.usage = None
        return chunk
