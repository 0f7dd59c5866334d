"""Rules that rule a model out whatever it scores, each with its reason in words."""

from agent.catalog import Model
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


def unsuitable(offer: Offer, profile: Profile, policy: Policy) -> str:
    """Return why an offer is out of the question whatever its memory and speed; empty if it is not."""
    model, quantization = offer.model, offer.file.quantization
    trained = offer.shape.training_context if offer.shape else 0
    rules = (
        (bool(model.unsupported), model.unsupported),
        (bool(offer.trouble), offer.trouble),
        (
            policy.use not in model.use and "chat" not in model.use,
            f"is for {' and '.join(model.use) or 'further training'}, not for {policy.use}",
        ),
        (model.chat == "none", "is a base model that was not trained to chat"),
        (
            policy.licences == "free" and bool(model.restrictions) and not offer.installed,
            f"its licence ({model.licence}) has conditions; `licences = any` accepts them",
        ),
        (not offer.file.reference, "no file of it is published in a format that Edgewise can run"),
        (quantization in profile.quantization.avoid, f"{quantization} is slow on this hardware"),
        (
            quantization not in profile.quantization.prefer and not offer.installed,
            f"{quantization} is not known to run well on this hardware",
        ),
        (offer.shape is None, "its shape is not known, so neither is its need of memory"),
        (
            0 < trained < policy.context,
            f"was trained for {trained} tokens of context; {policy.context} are wanted",
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
        return f"gives fewer than {floor:g} tokens per second"
    longest = profile.speed.longest_wait.value
    if predicted.first_token(PROMPT) > longest:
        return f"takes more than {longest:g} s for a prompt of {PROMPT} tokens"
    if model.thinking == "always" and _THOUGHT / predicted.decode > _PATIENCE:
        return f"always thinks first, for more than {_PATIENCE:g} s"
    return ""


def reply_seconds(predicted: Prediction, *, thinking: bool) -> float:
    """Return how long an ordinary question takes from its first to its last token."""
    tokens = _ANSWER + (_THOUGHT if thinking else 0)
    return predicted.first_token(PROMPT) + tokens / predicted.decode
