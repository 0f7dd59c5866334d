"""Rules that rule a model out whatever it scores, each with its reason in words."""

from agent.catalog import Model
from agent.phrase import Phrase
from agent.profiles import Profile
from agent.selection.machine import Offer
from agent.selection.policy import Policy
from agent.speed import Prediction

PROMPT = 256  # tokens: a system prompt and a question, for which the wait is judged
# Tokens that a model thinks before it answers an ordinary question; Qwen3 and DeepSeek-R1 write some hundreds to some
# thousands.
_THOUGHT = 800
_PATIENCE = 30.0  # seconds that one waits for thinking to end
_ANSWER = 100  # tokens of an ordinary answer
_USES = {
    "chat": Phrase("reasons.use_chat", "chat"),
    "code": Phrase("reasons.use_code", "code"),
    "math": Phrase("reasons.use_math", "math"),
    "tools": Phrase("reasons.use_tools", "tools"),
}
_NO_FILE = Phrase("reasons.no_file", "no file of it is published in a format that Edgewise can run")


def unsuitable(offer: Offer, profile: Profile, policy: Policy) -> str:
    """Return why an offer is out of the question whatever its memory and speed; empty if it is not."""
    model, quantization = offer.model, offer.file.quantization
    trained = offer.shape.training_context if offer.shape else 0
    rules = (
        (bool(model.unsupported) and offer.engine == "llama_cpp", model.unsupported),
        (bool(offer.trouble), offer.trouble),
        (policy.use not in model.use and "chat" not in model.use, _other_use(model, policy)),
        (model.chat == "none", Phrase("reasons.base_model", "is a base model that was not trained to chat")),
        (
            policy.licences == "free" and bool(model.restrictions) and not offer.installed,
            Phrase(
                "reasons.licence",
                "its licence ({licence}) has conditions; `licences = any` accepts them",
                licence=model.licence,
            ),
        ),
        (not offer.file.reference, _NO_FILE),
        (
            quantization in profile.quantization.avoid,
            Phrase("reasons.slow_type", "{type} is slow on this hardware", type=quantization),
        ),
        (
            quantization not in profile.quantization.prefer and not offer.installed,
            Phrase("reasons.unknown_type", "{type} is not known to run well on this hardware", type=quantization),
        ),
        (
            offer.shape is None,
            Phrase("reasons.no_shape", "its shape is not known, so neither is its need of memory"),
        ),
        (
            0 < trained < policy.context,
            Phrase(
                "reasons.short_context",
                "was trained for {trained} tokens of context; {wanted} are wanted",
                trained=trained,
                wanted=policy.context,
            ),
        ),
    )
    return next((reason for applies, reason in rules if applies), "")


def thinks(model: Model, predicted: Prediction, policy: Policy) -> bool:
    """Tell whether a model will think: when it must, or when quality is wanted and the wait can be borne."""
    if model.thinking in {"never", "always"}:
        return model.thinking == "always"
    return policy.prefer == "quality" and _THOUGHT / predicted.decode <= _PATIENCE


def too_slow(model: Model, predicted: Prediction, floor: float, profile: Profile) -> str:
    """Return why a model is too slow to be pleasant; empty if it is not."""
    if predicted.decode < floor:
        return Phrase("reasons.slow", "gives fewer than {floor:g} tokens per second", floor=floor)
    longest = profile.speed.longest_wait.value
    if predicted.first_token(PROMPT) > longest:
        return Phrase(
            "reasons.long_wait",
            "takes more than {seconds:g} s for a prompt of {tokens} tokens",
            seconds=longest,
            tokens=PROMPT,
        )
    if model.thinking == "always" and _THOUGHT / predicted.decode > _PATIENCE:
        return Phrase("reasons.long_thought", "always thinks first, for more than {seconds:g} s", seconds=_PATIENCE)
    return ""


def reply_seconds(predicted: Prediction, *, thinking: bool) -> float:
    """Return how long an ordinary question takes from its first to its last token."""
    tokens = _ANSWER + (_THOUGHT if thinking else 0)
    return predicted.first_token(PROMPT) + tokens / predicted.decode


def _other_use(model: Model, policy: Policy) -> str:
    """Return that a model is for something else than it is wanted for."""
    if not model.use:
        return Phrase("reasons.no_use", "is for further training, not for {use}", use=_USES[policy.use])
    first, *others = (_USES.get(use, use) for use in model.use)
    for other in others:
        first = Phrase("reasons.both", "{first} and {second}", first=first, second=other)
    return Phrase("reasons.other_use", "is for {uses}, not for {use}", uses=first, use=_USES[policy.use])
