"""A command on its way to one device or to many, and the answers that come."""

from dataclasses import dataclass, field

import msgspec

from agent.fleet.fleet import Fleet
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.payloads import Command, Response
from agent.telemetry.topics import ALL, GROUPS, Topics

_ANY = "+"
_ON_THE_WAY = {"accepted", "progress"}


@dataclass(frozen=True)
class Target:
    """Whom a command is for: one device, else a group, else all."""

    device: str = ""
    group: str = ""

    @property
    def place(self) -> str:
        """The level of the topic that says so."""
        return self.device or (f"{GROUPS}/{self.group}" if self.group else ALL)


@dataclass(frozen=True)
class Answer:
    """What a device has answered."""

    device: str
    response: Response

    @property
    def final(self) -> bool:
        """Whether none follows."""
        return self.response.status not in _ON_THE_WAY


@dataclass
class Asking:
    """One command.

    Attributes:
        prefix: of all topics.
        target: whom it is for.
        name: what is to be done.
        command: the request.
        finished: the final answers, by device.
    """

    prefix: str
    target: Target
    name: str
    command: Command
    finished: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fleet = Fleet(self.prefix)
        self._new: list[Answer] = []

    def subscriptions(self) -> list[str]:
        """Return what to listen to: answers, and who is there.

        Answers are taken only below the topics of the device that gives them, where the broker lets nobody else write.
        """
        topics = Topics(self.prefix, self.target.device or _ANY)
        return [topics.own(f"rsp/{self.name}"), topics.own("status"), topics.own("birth")]

    def message(self) -> Outgoing:
        """Return what to publish."""
        topics = Topics(self.prefix, self.target.place)
        return Outgoing(
            topics.own(f"cmd/{self.name}"),
            msgspec.json.encode(self.command),
            expiry=self.command.ttl_s,
            correlation=self.command.id.encode(),
            response_topic=topics.own(f"rsp/{self.name}") if self.target.device else "",
        )

    def hear(self, message: Incoming, now: int) -> None:
        """Take note of a message, at a time in milliseconds since 1970."""
        device = message.topic.removeprefix(f"{self.prefix}/").removesuffix(f"/rsp/{self.name}")
        if message.topic != Topics(self.prefix, device).own(f"rsp/{self.name}"):
            self._fleet.hear(message, now)
            return
        try:
            response = msgspec.json.decode(message.payload, type=Response)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        ours = response.id == self.command.id or message.correlation == self.command.id.encode()
        if ours and device not in self.finished:
            self._take(Answer(device, response))

    def answers(self) -> list[Answer]:
        """Return the answers that came since the last time."""
        new, self._new = self._new, []
        return new

    def status(self) -> str:
        """Return what is known of the one device that is asked: `online`, `offline`, or nothing."""
        device = self._fleet.devices.get(self.target.device)
        return device.status if device else ""

    def expected(self) -> set[str]:
        """Return the devices that are there and should answer."""
        if self.target.device:
            return {self.target.device}
        group = self.target.group
        return {
            device.id
            for device in self._fleet.devices.values()
            if device.status == "online" and (not group or group in device.birth.groups)
        }

    def outstanding(self) -> set[str]:
        """Return those of them that have not given their final answer."""
        return self.expected() - self.finished.keys()

    def _take(self, answer: Answer) -> None:
        self._new.append(answer)
        if answer.final:
            self.finished[answer.device] = answer
