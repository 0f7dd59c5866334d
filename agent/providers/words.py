"""Execution providers in words, for people."""

from agent.providers.found import Device, Provider


def describe(provider: Provider) -> str:
    """Return what a provider is and, if so, why it cannot be used: `openvino (NPU, Intel): cannot be used: …`."""
    return title(provider) if provider.usable else f"{title(provider)}: cannot be used: {provider.reason}"


def title(provider: Provider) -> str:
    """Return what a provider is, such as `openvino (NPU, Intel)`."""
    devices = "; ".join(dict.fromkeys(map(_device, provider.devices)))
    return f"{provider.name} ({devices})" if devices else provider.name


def _device(device: Device) -> str:
    return ", ".join(filter(None, (device.kind.upper(), device.vendor, device.name)))
