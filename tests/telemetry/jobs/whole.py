"""A whole device with jobs: a daemon in a process, a real broker, a hub that looks on, a server that has the model."""

import json
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.models import ModelStore
from agent.telemetry.payloads import JobStatus
from tests.fake_hub import FakeHub, HubFile, running_hub
from tests.telemetry.jobs.device import NEW, OLD
from tests.telemetry.observer import observer
from tests.telemetry.reporting import OWN, Place, place, reporting
from tests.web import daemon
from tests.web.daemon import Daemon

JOB = "j1"
STATUS = f"job/{JOB}/status"
ENDS = {"successful", "failed", "rolled_back", "canceled"}
_PATIENCE = 40.0  # seconds


@dataclass
class Whole:
    """All of it. The old model is installed; the server has the new one."""

    here: Place
    models: FakeHub

    @property
    def state(self) -> Path:
        """Where the daemon keeps its files."""
        return self.here.folder / "state"

    def running(self, *flags: str, ready: bool = True) -> AbstractContextManager[Daemon]:
        """Run the daemon for the block, and kill it at the end."""
        sizes = ("--context", "256", "--parallel", "2", "--threads", "1")
        network = ("--hf-endpoint", self.models.url, "--fetch-models", "false")
        return reporting(self.here, "--engine", "llama_cpp", *sizes, *network, *flags, ready=ready)

    def dies_in(self, state: str, job: dict[str, Any] | None = None) -> None:
        """Run a daemon until its job is in a state, and kill it there; the hub sends the job, if one is given."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(daemon, "COMMAND", [sys.executable, "-m", "tests.telemetry.jobs.pausing", state, "run"])
            with self.running() as running:
                if job is not None:
                    self.send(job)
                self.reaches(state)
                kill(running)

    def send(self, job: dict[str, Any]) -> None:
        """Have the hub put the job at the broker."""
        self.here.hub.publish(f"{OWN}/job/{JOB}", json.dumps(job), retain=True)

    def told(self) -> list[JobStatus]:
        """Return what the hub was told of the job."""
        return [msgspec.json.decode(text, type=JobStatus) for text in self.here.hub.payloads(f"{OWN}/{STATUS}")]

    def reaches(self, *states: str, rev: int = 1) -> JobStatus:
        """Wait until the hub is told one of these states."""
        self.here.hub.wait(lambda: any(s.state in states and s.rev == rev for s in self.told()), _PATIENCE)
        return next(status for status in reversed(self.told()) if status.state in states and status.rev == rev)

    def retained(self) -> JobStatus:
        """Return what somebody is told of the job who comes only now."""
        with observer(self.here.broker.port, f"{OWN}/{STATUS}") as late:
            late.wait(lambda: late.messages)
            return msgspec.json.decode(late.messages[0].payload, type=JobStatus)

    def chosen(self) -> str:
        """Return the model that is chosen by name; empty: the choice is left to the device."""
        file = self.state / "chosen-model"
        return file.read_text().strip() if file.exists() else ""

    def files(self) -> dict[str, set[str]]:
        """Return the files of all models; in a whole one these are its record and the file of its name."""
        folders = (self.state / "models").iterdir()
        return {folder.name: {file.name for file in folder.iterdir()} for folder in folders if folder.is_dir()}

    def check(self, running: Daemon, model: str, *installed: str) -> None:
        """Make sure that a model serves, is kept and answers, and that nothing half-written lies about."""
        daemon.eventually(lambda: (running.health()["status"], running.health()["model"]) == ("ok", model), _PATIENCE)
        assert running.ask("Hello", max_tokens=4).status_code == 200
        assert self.files() == {name: {f"{name}.gguf", "model.json"} for name in installed}
        assert ModelStore(self.state / "models").unfinished() == []
        with closing(sqlite3.connect(self.state / "app.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def ended(self, running: Daemon, state: str) -> JobStatus:
        """Make sure that the job has come to this end, and that everybody is told: the hub, who comes late, events."""
        end = self.reaches(*ENDS)
        assert (end.state, end.rev) == (state, 1), end.msg
        if state == "successful":
            self.check(running, NEW, NEW, OLD)
            assert self.chosen() == NEW
        else:
            self.check(running, OLD, OLD)
            assert self.chosen() == ""
        self.here.hub.wait(self.events)
        assert set(self.events()) == {state}
        assert (self.retained(), self.told()[-1]) == (end, end)
        return end

    def jobs(self, running: Daemon) -> list[tuple[str, JobStatus]]:
        """Return the jobs as the device itself knows them."""
        found = running.http.get("/api/edgewise/telemetry").json()["jobs"]
        return list(msgspec.convert(found, dict[str, JobStatus]).items())

    def events(self) -> list[str]:
        """Return with which ends the job is in the history; an end may come twice after a kill, but never another."""
        items = self.here.items("event")
        return [item.data["state"] for item in items if item.event == "job_ended" and item.data["job"] == JOB]


def kill(running: Daemon) -> None:
    """End a daemon as a power cut does."""
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()


def update(models: FakeHub, name: str = NEW, **fields: object) -> dict[str, Any]:
    """Return a job that brings a model from the server."""
    file = models.plain[f"{name}.gguf"]
    artifact = {"url": f"{models.url}/plain/{name}.gguf", "sha256": file.sha256, "size": file.size}
    return {"type": "model_update", "artifact": artifact, **fields}


@contextmanager
def whole(template: Path, folder: Path) -> Iterator[Whole]:
    """Run broker, hub and server for the block; the home directory `template` has the models."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(template / "state", folder / "state")
    with place(folder) as here, running_hub() as models:
        models.plain[f"{NEW}.gguf"] = HubFile((template / f"{NEW}.gguf").read_bytes())
        yield Whole(here, models)
