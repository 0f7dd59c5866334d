"""Versions: of Edgewise, of what it runs on, and of the engines."""

import platform
from collections.abc import Iterator

from agent import engines
from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.hardware import board
from agent.hardware.tree import Tree
from agent.state import VERSION
from agent.survey import build


def look(case: Case) -> Iterator[Finding]:
    """Yield the versions; that of a daemon which still runs another one too."""
    system = board.find(Tree(case.root))
    kernel = f"Linux {system.kernel}" if system.kernel else ""
    place = ", ".join(filter(None, (system.system, kernel, platform.machine())))
    yield ok(f"edgewise {VERSION}, Python {platform.python_version()}, {place}")
    if case.health and case.health.version != VERSION:
        what = f"the daemon that runs is version {case.health.version}, this command {VERSION}"
        yield warn("two-versions", what, "restart the daemon, or use the command that belongs to it")
    yield _engines()


def _engines() -> Finding:
    here = [text for name in engines.names() if (text := build(name)) != name]  # a version, or just the name
    if not here:
        return bad("no-engine", "no engine is installed", "run `make setup`")
    return ok(f"engines: {', '.join(here)}")
