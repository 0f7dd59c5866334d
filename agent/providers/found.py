"""What is known of an execution provider: a library that lets ONNX Runtime compute on a CPU, a GPU or an NPU."""

import msgspec


class Device(msgspec.Struct, frozen=True):
    """Hardware that a provider has found.

    Attributes:
        kind: `cpu`, `gpu` or `npu`.
        vendor: who makes it.
        name: what it is, if the provider says so.
    """

    kind: str
    vendor: str
    name: str = ""


class Provider(msgspec.Struct, frozen=True):
    """One execution provider.

    Attributes:
        name: as in `Plan.provider`, such as `cuda`; for a library that cannot be loaded the name of its file.
        devices: that it has found; empty where it does not say.
        library: file of a plug-in that brings it; empty where it is part of ONNX Runtime.
        reason: why it cannot be used, in words; empty when it can.
    """

    name: str
    devices: tuple[Device, ...] = ()
    library: str = ""
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether it has computed a token correctly."""
        return not self.reason
