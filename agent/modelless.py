"""How an engine is run that needs no model, or one that is configured with its file."""

import asyncio
from pathlib import Path

from agent.config import Config
from agent.inference.candidate import Candidate
from agent.inference.supervisor import Supervisor
from agent.plan import Plan
from agent.restraints import Cause, Restraint, Restraints

_CONTEXT, _PARALLEL, _MICRO_BATCH = 4096, 4, 512  # unless they are configured
_REST = 2.0  # seconds for the answers in progress when nothing may run any more


def modelless(config: Config) -> Candidate:
    """Return what the supervisor is to run: the configured engine, without a choice of a model."""
    plan = Plan(
        context=config.context or _CONTEXT,
        parallel=config.parallel or _PARALLEL,
        threads=config.threads or 1,
        micro_batch=config.micro_batch or _MICRO_BATCH,
    )
    path = Path(config.model).expanduser().absolute() if config.model else None
    return Candidate(path.stem if path else config.engine, path, config.engine, config.engine, plan)


async def run_unless_restrained(
    candidate: Candidate, supervisor: Supervisor, restraints: Restraints, *, runs: bool
) -> None:
    """Run this one whenever it may run, until cancelled. `runs`: it does already."""
    changed = asyncio.Event()

    def note(_cause: Cause, _restraint: Restraint | None) -> None:
        changed.set()

    restraints.on_change.append(note)
    try:
        while True:
            if not runs and may_run(candidate, restraints):
                supervisor.start([candidate])
                runs = True
            elif not may_run(candidate, restraints):
                await supervisor.rest(_REST, restraints.reason(), restraints.way_out())
                runs = False
            await changed.wait()
            changed.clear()
    finally:
        restraints.on_change.remove(note)


def may_run(candidate: Candidate, restraints: Restraints) -> bool:
    """Tell whether anything may run at all; nobody knows how much memory this takes."""
    return bool(restraints.allowed([candidate.name], {candidate.name: 0}, ""))
