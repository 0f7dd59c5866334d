"""Moments in words: `5 minutes ago`."""

from web.locale import Translator

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def ago(t: Translator, moment: float | None, now: float) -> str:
    """Return how long ago a moment was; `never` for None. Both in seconds since 1970."""
    if moment is None:
        return t("time.never")
    seconds = now - moment
    if seconds < _MINUTE:
        return t("time.just_now")
    if seconds < _HOUR:
        return t("time.minutes_ago", n=int(seconds // _MINUTE))
    if seconds < _DAY:
        return t("time.hours_ago", n=int(seconds // _HOUR))
    return t("time.days_ago", n=int(seconds // _DAY))
