"""`edgewise bench --duel`: the same model on two engines, in turns, and which of them is faster here."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace as with_fields

import msgspec
from msgspec.structs import replace

from agent.cli.choosing import chooser
from agent.cli.terminal import here_and_now
from agent.config import Config
from agent.duelling import Arena, work_for
from agent.duels import Duel, Side
from agent.errors import ConfigError, InputError
from agent.hardware import probe
from agent.hardware.load import busy
from agent.hardware.tree import Tree
from agent.inference.candidate import Candidate
from agent.selection import Considered, Selection
from agent.speed import Prediction
from agent.standings import slower
from agent.survey import LIVE

ROUNDS = 8
_PAIR = 2
_ENGINES = {"llama_cpp": "llama.cpp", "onnx": "ONNX Runtime"}


def duel(names: list[str], config: Config, *, rounds: int, as_json: bool) -> int:
    """Run a duel between two installed models and remember who has won."""
    config = replace(here_and_now(config), model="", engine="auto")
    choosing = chooser(config)
    selection = asyncio.run(choosing.choose(remember=False))
    first, second = _pair(names, selection, [choosing.store.find(name).name for name in names])
    candidates = {candidate.name: candidate for candidate in choosing.candidates(selection)}
    sides = [with_fields(candidates[entry.installed], expect=None) for entry in (first, second)]
    disturbed = busy(Tree(LIVE), probe(LIVE).cpu.cores)
    need = sum(entry.memory.total for entry in (first, second) if entry.memory)
    arena = Arena(
        choosing.environment,
        choosing.set_aside,
        both=need <= selection.budget.usable,
        on_round=_counter(rounds, quiet=as_json),
        on_speed=None if disturbed else choosing.learn,
    )
    found = asyncio.run(_run(arena, sides, _predictions(first, second), rounds))
    if not disturbed:
        choosing.duels.keep(found)
    if as_json:
        report = _Report(found, found.winner.name if found.winner else "", kept=not disturbed)
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(_lines(found, same=first.model == second.model, disturbed=disturbed)))
    return 0


class _Report(msgspec.Struct, frozen=True):
    """The duel, the name of the faster model, empty when they are equal, and whether the choice follows it."""

    duel: Duel
    winner: str
    kept: bool


async def _run(arena: Arena, sides: list[Candidate], predicted: tuple[Prediction, Prediction], rounds: int) -> Duel:
    streams = min(side.plan.parallel for side in sides)
    context = min(side.plan.context for side in sides)
    return await arena.duel(sides[0], sides[1], work_for(*predicted, streams, context), rounds)


def _predictions(first: Considered, second: Considered) -> tuple[Prediction, Prediction]:
    if first.predicted is None or second.predicted is None:
        raise ConfigError("The speed of these models cannot be predicted, so nobody knows how long a round would take.")
    return first.predicted, second.predicted


def _pair(names: list[str], selection: Selection, full: list[str]) -> tuple[Considered, Considered]:
    """Return the two that are to be compared, that of llama.cpp first.

    Raises:
        ConfigError: there is nothing to compare.
        InputError: too many names.
    """
    if len(names) > _PAIR:
        raise InputError("A duel is between two models.", field="--duel")
    here = {entry.installed: entry for entry in reversed(selection.considered) if entry.installed and entry.memory}
    if len(names) == _PAIR:
        chosen = [_entry(here, name) for name in full]
    else:
        one = _entry(here, full[0]) if full else _first_with_rival(here)
        chosen = [one, _rival(here, one)]
    if chosen[0].installed == chosen[1].installed:
        raise ConfigError(f"{chosen[0].installed} cannot be compared with itself.")
    first, second = sorted(chosen, key=lambda entry: entry.engine)
    return first, second


def _entry(here: dict[str, Considered], name: str) -> Considered:
    if name not in here:
        raise ConfigError(
            f"No engine on this computer runs {name}.", hint="`edgewise select --explain --all` says why."
        )
    return here[name]


def _first_with_rival(here: dict[str, Considered]) -> Considered:
    best_first = reversed(here.values())
    for entry in best_first:
        if _rivals(here, entry):
            return entry
    raise ConfigError(
        "No model is installed both as GGUF and for ONNX Runtime.",
        hint="`edgewise convert MODEL --to onnx` makes the other, or name two models: `edgewise bench --duel A B`.",
    )


def _rival(here: dict[str, Considered], entry: Considered) -> Considered:
    """Return the same model on the other engine.

    Raises:
        ConfigError: it is not installed.
    """
    rivals = _rivals(here, entry)
    if not rivals:
        other = _ENGINES["llama_cpp" if entry.engine == "onnx" else "onnx"]
        raise ConfigError(
            f"{entry.installed} is not installed for {other}.",
            hint=f"Name what to compare it with: `edgewise bench --duel {entry.installed} OTHER`.",
        )
    return max(rivals, key=lambda rival: rival.score)


def _rivals(here: dict[str, Considered], entry: Considered) -> list[Considered]:
    return [other for other in here.values() if other.model == entry.model and other.engine != entry.engine]


def _counter(rounds: int, *, quiet: bool) -> Callable[[int], None]:
    def told(done: int) -> None:
        if not quiet and sys.stderr.isatty():
            print(f"\rround {done} of {rounds}", end="\n" if done == rounds else "", file=sys.stderr, flush=True)

    return told


def _lines(found: Duel, *, same: bool, disturbed: bool) -> list[str]:
    width = max(len(side.name) for side in (found.first, found.second))
    rows = [f"{'':{width}}  {'prefill tok/s':>13}  {'decode tok/s':>12}  {f'{found.parallel} at once tok/s':>17}"]
    rows += [_row(side, width) for side in (found.first, found.second)]
    low, high = 1 / found.high, 1 / found.low
    certain = f"{1 / found.ratio:.2f}, with 95 % certainty between {low:.2f} and {high:.2f}"
    how = f"{found.rounds} rounds in turns, {found.threads} threads"
    rows += ["", _verdict(found), f"Speed of the second over the first: {certain}; {how}."]
    if not same:
        rows.append("They are different models: the choice between them stays one of their scores.")
    if disturbed:
        rows.append(
            "Other programs keep the processor busy: this is not remembered. Run it again when the device is quiet."
        )
    return rows


def _row(side: Side, width: int) -> str:
    return f"{side.name:{width}}  {side.prefill:13.1f}  {side.decode:12.1f}  {side.together:17.1f}   {side.build}"


def _verdict(found: Duel) -> str:
    if found.winner is None:
        return "They are equally fast here, within what can be told."
    return f"{found.winner.name} is faster here; the other is {slower(found)} % slower."
