"""A model that a job has brought and whose signature nobody has looked at yet: it must not run.

Where another model serves, that one is kept meanwhile. A device without any would run the new one as soon as it has
come.
"""

from agent.models.starter import NAME as STARTER
from agent.phrase import Phrase
from agent.restraints import Restraint
from agent.telemetry.host import Host
from agent.telemetry.jobs.record import Record


def hold_back(host: Host, record: Record) -> None:
    """Have nothing run but the starter, whose hash we know, until `release`; without effect where one is kept."""
    artifact = record.job.artifact if record.job else None
    if not record.held and artifact and (artifact.sig or host.config.signed_jobs):
        reason = Phrase("jobs.unproven", "The signature of a model that is on its way has not been checked yet.")
        host.restraints.set("signature", Restraint(reason, only=(STARTER,)))


def release(host: Host) -> None:
    """Let the device choose again: the signature is right, or what it should cover is gone."""
    host.restraints.lift("signature")
