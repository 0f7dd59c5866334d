"""What the engine is asked for one answer."""

from collections.abc import Sequence

from msgspec.structs import replace

from agent.chat import history
from agent.chat.records import ChatSettings, Conversation, Message
from agent.engines import Sampling
from agent.inference.frames import Generate

# What llama.cpp's own programs use; the plain distribution of a small model strays.
_DEFAULTS = Sampling(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05)
_THINKING = "enable_thinking"


class Question:
    """Makes the request for an answer, and a shorter one when the engine finds it too long.

    Args:
        conversation: whose system prompt and settings count.
        path: messages from the first to the one to answer.
        texts: what the model is to read of each.
        answer: as far as it exists already.
    """

    def __init__(
        self, conversation: Conversation, path: Sequence[Message], texts: Sequence[str], answer: Message
    ) -> None:
        self._conversation = conversation
        self._path = path
        self._texts = texts
        self._answer = answer
        self._context = 0
        self._prompt = history.Prompt([], 0)

    @property
    def left_out(self) -> int:
        """How many messages at the beginning of the conversation the latest request leaves out."""
        return self._prompt.left_out

    def request(self, context: int) -> Generate:
        """Return the request for a model with so many tokens of context."""
        settings = self._conversation.settings
        if context != self._context:
            self._context = context
            self._prompt = history.build(
                self._path,
                self._texts,
                system=self._conversation.system,
                context=context,
                max_tokens=settings.max_tokens,
            )
        return Generate(
            id=0,
            sampling=sampling(settings),
            messages=self._prompt.messages,
            max_tokens=settings.max_tokens,
            template={} if settings.thinking is None else {_THINKING: settings.thinking},
            thought=self._answer.thinking,
            said=self._answer.text,
        )

    def shorten(self) -> bool:
        """Leave out more from now on; False when there is nothing that could be."""
        shorter = history.shorten(self._path, self._texts, self._prompt, system=self._conversation.system)
        if shorter is not None:
            self._prompt = shorter
        return shorter is not None


def sampling(settings: ChatSettings) -> Sampling:
    """Return how an answer is sampled: as the user wants, else as usual."""
    wanted = {
        "temperature": settings.temperature,
        "top_k": settings.top_k,
        "top_p": settings.top_p,
        "min_p": settings.min_p,
        "repeat_penalty": settings.repeat_penalty,
        "seed": settings.seed,
    }
    return replace(_DEFAULTS, **{name: value for name, value in wanted.items() if value is not None})
