"""Turns what the policies want of models into restraints, and knows what it would take to be without them."""

from agent.engine_room import EngineRoom
from agent.governor import saying
from agent.governor.room import NOTHING, SMALLER, Room
from agent.governor.sensor import Heat
from agent.restraints import Restraint

_SMALLER = 0.6  # of the memory of a model that is too much of a heater: then it reads less per token, too
_LONGEST = 75.0  # seconds after which another model has taken over, or there is none to do so


class Holding:
    """Restrains the models of an engine room."""

    def __init__(self, room: EngineRoom) -> None:
        self._room = room
        self._hot = self._short = False  # whether a restraint is in force that was put there by this
        self._large = 0  # bytes of the model that ran when memory became short
        self._since = -_LONGEST
        self._model = ""  # that ran then

    def hot(self, heat: Heat | None, *, lasting: bool) -> None:
        """Have a smaller model run as long as heat lasts, but for one that the user has chosen."""
        restraints = self._room.restraints
        if self._hot and not lasting:
            restraints.lift("heat")
        elif lasting and not self._hot and heat is not None:
            most = round(_SMALLER * self._takes())
            restraint = Restraint(saying.hot(heat), saying.HOT_END, most=most, rests=False, binds_wish=False)
            restraints.set("heat", restraint)
        self._hot = lasting

    def memory(self, now: float, stage: int, room: Room) -> None:
        """Have a smaller model run, or none."""
        restraints = self._room.restraints
        if stage < SMALLER and self._short:
            restraints.lift("memory")
        self._short = stage >= SMALLER
        if not self._short:
            return
        self._since, self._model = now, self._room.supervisor.status.model
        if stage == NOTHING:
            restraints.set("memory", Restraint(saying.nothing(room.usable), saying.MEMORY_END, only=()))
            return
        takes = self._takes()
        self._large = max(self._large, takes)
        most = max(0, min(takes - 1, takes + room.usable - 2 * room.needed))
        restraints.set("memory", Restraint(saying.smaller(room.usable), saying.MEMORY_END, most=most, rests=False))

    def settled(self, now: float) -> bool:
        """Tell whether the model that was wanted runs, or none does."""
        status = self._room.supervisor.status
        if status.state not in {"ready", "failed", "stopped"}:
            return False
        return status.model != self._model or now - self._since >= _LONGEST

    def more(self, stage: int) -> int:
        """Return the bytes that the stage above this one would take in addition."""
        plan = self._room.supervisor.plan
        if stage == NOTHING:
            return self._large
        if stage == SMALLER:
            return max(0, self._large - self._takes())
        return plan.prompt_cache if plan else 0

    def lift(self) -> None:
        """Let every model run again."""
        if self._hot:
            self._room.restraints.lift("heat")
        if self._short:
            self._room.restraints.lift("memory")
        self._hot = self._short = False

    def _takes(self) -> int:
        """Return the bytes that the model takes which runs, as planned or else as it does."""
        supervisor = self._room.supervisor
        entry = self._room.considered(supervisor.status.model)
        return entry.memory.total if entry and entry.memory else supervisor.memory()
