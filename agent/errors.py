"""Every error that Edgewise raises on purpose.

* EdgewiseError
  + ConfigError            a setting is wrong
  + InputError             something that a person or a program has sent cannot be used
    - NoRoomError          a person keeps as much as they may, or the disk is nearly full
    - BundleError          an update is not signed by somebody trusted, damaged, or not for this device
  + NotFoundError          no such conversation, user, key, …: or it belongs to somebody else
  + StoreError             what is kept on disk cannot be read or written
    - UnwritableError      the disk is full, or can only be read
  + AccessError
    - SignInError          nobody is signed in, or the key is unknown
    - ForbiddenError       whoever asks may not do this
    - TooManyTriesError    wrong passwords or codes in a row
  + ModelError
    - ModelNotFoundError   no such model here or at the source
    - ModelFileError       a model file is truncated, lying or of an unknown kind
    - DownloadError        a transfer could not be finished
  + EngineError
    - RequestError         this request cannot be served, whatever the engine does
      . ContextOverflowError
    - QueueFullError       too many requests are waiting
    - EngineUnavailableError   no model is loaded now: loading, restarting or failed
    - EngineDiedError      the engine process ended while it worked on the request
  + TelemetryError
    - LinkDownError        there is no connection to the broker, or it ended before the broker had the message
    - RefusedError         the broker does not take the message
  + InstallError           Edgewise cannot be made a service of this computer
  + DiscoveryError         the local network cannot be told of this device, or asked for others

A message says what happened, with the value and the place; the hint says what to do about it.
"""


class EdgewiseError(Exception):
    """Base of all errors that a person may read: one sentence, and a hint what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(EdgewiseError):
    """A setting has an unknown name or an unusable value."""


class InputError(EdgewiseError):
    """Something that was sent cannot be used.

    Attributes:
        field: the name of the form field or of the part of the body that is wrong, or an empty string.
    """

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class NoRoomError(InputError):
    """Nothing more can be kept: a person has as much as they may, or the disk is nearly full."""


class BundleError(InputError):
    """An update is refused: unsigned, damaged, too old or for another device. Nothing has changed."""


class NotFoundError(EdgewiseError):
    """There is no such thing, or none that whoever asks may know of."""


class StoreError(EdgewiseError):
    """A database or a state file cannot be read or written."""


class UnwritableError(StoreError):
    """Nothing can be kept now: the disk is full, or can only be read."""


class AccessError(EdgewiseError):
    """Whoever asks does not get in here."""


class SignInError(AccessError):
    """Nobody is signed in: no session, no key, or a wrong one."""


class ForbiddenError(AccessError):
    """Whoever asks is known, but may not do this."""


class TooManyTriesError(AccessError):
    """Too many wrong passwords or codes in a row.

    Attributes:
        retry_after: seconds until the next try.
    """

    def __init__(self, message: str, *, retry_after: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class ModelError(EdgewiseError):
    """Something is wrong with a model or its file."""


class ModelNotFoundError(ModelError):
    """The named model is neither installed nor known to the source."""


class ModelFileError(ModelError):
    """A model file is truncated, lies about its content or is of an unknown kind.

    Attributes:
        field: the part of the file that is wrong, such as `tensor_count` or `blk.0.attn_q.weight.offset`.
    """

    def __init__(self, message: str, *, field: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class DownloadError(ModelError):
    """A model could not be fetched; what arrived so far is kept unless the message says otherwise."""


class EngineError(EdgewiseError):
    """The engine cannot do what was asked."""


class RequestError(EngineError):
    """The request itself is wrong; sending it again unchanged cannot help.

    Attributes:
        param: the field of the request that is wrong, or an empty string.
    """

    def __init__(self, message: str, *, param: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.param = param


class ContextOverflowError(RequestError):
    """Prompt and answer do not fit the context length."""


class QueueFullError(EngineError):
    """Too many requests are waiting.

    Attributes:
        retry_after: seconds after which a place is likely to be free.
    """

    def __init__(self, message: str, *, retry_after: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class EngineUnavailableError(EngineError):
    """No model is loaded at this moment.

    Attributes:
        retry_after: seconds after which to ask again, or 0 when waiting will not help.
    """

    def __init__(self, message: str, *, retry_after: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class EngineDiedError(EngineError):
    """The engine process ended while it worked on the request."""


class TelemetryError(EdgewiseError):
    """Something could not be reported."""


class LinkDownError(TelemetryError):
    """There is no connection to the broker, or it ended before the broker had the message; send it again later."""


class RefusedError(TelemetryError):
    """The broker does not take the message; sending it again unchanged cannot help."""


class InstallError(EdgewiseError):
    """Edgewise cannot be installed here, or a step of it failed."""


class DiscoveryError(EdgewiseError):
    """The local network cannot be told of this device, or asked for others."""
