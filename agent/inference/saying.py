"""What the supervisor says about the models that it runs, or does not run."""

from collections.abc import Iterable

from agent.errors import EngineUnavailableError
from agent.inference.candidate import Status
from agent.phrase import Phrase, joined

_WAITING_HELPS = {"loading", "restarting", "refused"}

LOOKING = Phrase("errors.looking_for_model", "Looking for a model that runs.")
SHUTTING_DOWN = Phrase("errors.shutting_down", "Edgewise is shutting down.")
NOT_LOADED = Phrase("errors.not_loaded", "No model is loaded.")
RESTARTED = Phrase("errors.engine_restarted", "The engine is restarted because somebody has asked for it.")


def loading(name: str) -> str:
    """Return that a model is being loaded."""
    return Phrase("errors.loading", "Loading {name}.", name=name)


def takes_over(name: str) -> str:
    """Return that a model is about to be loaded instead of another."""
    return Phrase("errors.takes_over", "{name} takes over.", name=name)


def takes_over_later(name: str) -> str:
    """Return that a model waits for the end of the answers in progress."""
    return Phrase("errors.takes_over_later", "{name} takes over when the answers in progress are complete.", name=name)


def ready(name: str, failures: Iterable[str]) -> str:
    """Return that a model serves, and why others do not."""
    return joined(Phrase("errors.model_ready", "{name} is ready.", name=name), *failures)


def none_runs(failures: Iterable[str]) -> str:
    """Return why nothing serves."""
    return joined(*failures) or Phrase("errors.nothing_to_run", "There is no model to run.")


def set_aside(name: str, reason: str) -> str:
    """Return that a model is not run any more."""
    return Phrase("errors.set_aside", "{name} is set aside: {reason}", name=name, reason=reason)


def set_aside_since(name: str, since: str, reason: str) -> str:
    """Return that a model has not been run for some time."""
    return Phrase(
        "errors.set_aside_since", "{name} is set aside since {since}: {reason}", name=name, since=since, reason=reason
    )


def cannot_load(name: str, reason: str) -> str:
    """Return that a model could not be loaded."""
    return Phrase("errors.cannot_load", "{name} cannot be loaded: {reason}", name=name, reason=reason)


def unreadable(error: OSError) -> str:
    """Return that a file is out of reach, and why."""
    return Phrase("reasons.unreadable", "its file cannot be read: {why}", why=error.strerror)


def unavailable(status: Status, retry_after: int) -> EngineUnavailableError:
    """Return that nothing serves, why, and after how many seconds to ask again, where that helps."""
    retry_after = retry_after if status.state in _WAITING_HELPS else 0
    return EngineUnavailableError(status.detail or NOT_LOADED, retry_after=retry_after, hint=status.hint)
