"""What a conversation consists of, as it is kept and as pages show it."""

from typing import Literal, TypeAlias

import msgspec

MessageState: TypeAlias = Literal["sent", "running", "complete", "cut", "stopped", "failed"]
"""`sent`: by the user. The others are of answers: `cut` reached the limit of tokens, `failed` has an `error`."""

Cause: TypeAlias = Literal["", "restarted", "died", "too_long", "unready", "engine", "fault"]
"""Why an answer failed: the device was restarted; the engine died; the prompt does not fit; no model runs; what the
engine says; a fault of the program."""


class ChatSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sampling as the user wants it. None leaves a value to the model's own defaults.

    Attributes:
        max_tokens: of one answer; 0: as many as fit.
        thinking: have the model think before it answers, if it can; None: as the model was chosen for.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    seed: int | None = None
    max_tokens: int = 0
    thinking: bool | None = None


class Stats(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an answer took. Seconds; tokens.

    Attributes:
        prompt: tokens of the prompt; `cached` of them needed no prefill.
        completion: tokens of the answer, thinking included.
        queued: until the prompt was begun; `prefill` from there to the first token; `decode` from that to the last.
        thinking: seconds of thinking.
        context: length that the model ran with.
        left_out: messages at the beginning of the conversation that did not fit.
    """

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    queued: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    thinking: float = 0.0
    context: int = 0
    left_out: int = 0

    @property
    def rate(self) -> float:
        """Tokens per second after the first; 0 for less than two."""
        return (self.completion - 1) / self.decode if self.completion > 1 and self.decode else 0.0

    @property
    def ttft(self) -> float:
        """Seconds from the request to the first token."""
        return self.queued + self.prefill

    @property
    def used(self) -> int:
        """Tokens of the context that are taken after the answer."""
        return self.prompt + self.completion


class Attachment(msgspec.Struct, frozen=True):
    """A file whose text goes with a message; `bytes` of the file, `characters` of the text."""

    id: str
    name: str
    bytes: int
    characters: int


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation.

    Attributes:
        parent_id: the message that it follows; None for the first.
        text: Markdown as the user or the model wrote it.
        thinking: what the model thought before; empty when it did not.
        html: the text as a page shows it; safe. Empty for messages of users, which are shown as text.
        error: why the answer failed, as the device says it; `cause` is the same in one word.
        versions: ids of all messages that follow the same one, in order, itself among them.
    """

    id: str
    conversation_id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    text: str
    state: MessageState
    created: float
    thinking: str = ""
    html: str = ""
    error: str = ""
    cause: Cause = ""
    model: str = ""
    stats: Stats = Stats()
    attachments: tuple[Attachment, ...] = ()
    versions: tuple[str, ...] = ()


class Conversation(msgspec.Struct, frozen=True):
    """A conversation without its messages. `leaf` is the last message of the branch that is shown."""

    id: str
    user_id: str
    title: str
    created: float
    updated: float
    pinned: bool = False
    deleted: float | None = None
    system: str = ""
    settings: ChatSettings = ChatSettings()
    leaf: str | None = None
    draft: str = ""


class Preset(msgspec.Struct, frozen=True):
    """A system prompt with sampling settings under a name."""

    id: str
    name: str
    system: str
    settings: ChatSettings


class Hit(msgspec.Struct, frozen=True):
    """A place found by a search: `before`, `match` and `after` are plain text around the first match."""

    conversation_id: str
    title: str
    message_id: str
    updated: float
    before: str
    match: str
    after: str
