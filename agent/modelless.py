"""How an engine is run that needs no model, or one that is configured with its file."""

from pathlib import Path

from agent.config import Config
from agent.inference.candidate import Candidate
from agent.plan import Plan

_CONTEXT, _PARALLEL, _MICRO_BATCH = 4096, 4, 512  # unless they are configured


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
