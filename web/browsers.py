"""Browsers by the names that people know, from what they say about themselves."""

from dataclasses import dataclass

# Most pretend to be others too, so the order decides: the first mark that is there tells.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
_LONGEST = 40  # characters of a name that we do not know


@dataclass(frozen=True)
class Browser:
    """Its name and the system that it runs on; empty where unknown."""

    name: str
    system: str


def recognise(agent: str) -> Browser:
    """Return what a `User-Agent` header tells; a program that pretends nothing keeps its own name."""
    name = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if not name and not agent.startswith("Mozilla/"):
        name = agent.partition("/")[0].strip()[:_LONGEST]
    return Browser(name, system)
