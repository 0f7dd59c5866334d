"""The units that are installed: those that come with Edgewise, and what is added to them for this computer."""

from collections.abc import Sequence
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "systemd"
_PREFIX = "/opt/edgewise"
_STEPS = 254  # the version of systemd that knows RestartSteps=
_MIB = 1 << 20
_LEAST_REST, _REST = 256 * _MIB, 16  # memory that all engines together leave to the others: this, or a 16th of all
_DEVICES = ("dri/renderD*", "nvidia*", "nvhost-*", "nvmap", "nvgpu/*/*", "hailo*", "accel/accel*", "rknpu*", "kfd")
_COMPILERS = ("nvidia", "nvhost", "nvmap", "kfd", "dri")  # their drivers write machine code and then run it


def shipped(prefix: Path) -> dict[str, str]:
    """Return the units by name."""
    paths = sorted(path for path in _FOLDER.iterdir() if path.suffix in {".service", ".socket", ".slice"})
    return {path.name: path.read_text().replace(_PREFIX, str(prefix)) for path in paths}


def sysusers() -> str:
    """Return what systemd-sysusers is told."""
    return (_FOLDER / "sysusers.conf").read_text()


def drop_ins(
    memory: int, devices: Sequence[Path], groups: Sequence[str], systemd: int, password: Path
) -> dict[str, str]:
    """Return what is added to the units on this computer, by name of the file; empty texts for what is not needed.

    Args:
        memory: bytes of this computer; 0 when unknown.
        devices: for the engine.
        groups: whose members may use them.
        systemd: its version.
        password: the file of the broker's password.
    """
    most = (memory - max(_LEAST_REST, memory // _REST)) // _MIB
    steps = "[Service]\nRestartSteps=6\nRestartMaxDelaySec=120\n" if systemd >= _STEPS else ""
    credential = f"[Service]\nLoadCredential={password.name}:/etc/edgewise/{password.name}\n"
    return {
        "edgewise-engine.slice.d/memory.conf": f"[Slice]\nMemoryMax={most}M\n" if most > 0 else "",
        "edgewise-engine@.service.d/devices.conf": engine_drop_in(devices, groups) if devices else "",
        "edgewise.service.d/restarts.conf": steps,
        "edgewise.service.d/credentials.conf": credential if password.is_file() else "",
    }


def engine_drop_in(devices: Sequence[Path], groups: Sequence[str]) -> str:
    """Return what opens these devices, and no others, to the engine."""
    lines = ["[Service]", "PrivateDevices=no", *(f"DeviceAllow={path} rw" for path in devices)]
    if groups:
        lines.append(f"SupplementaryGroups={' '.join(groups)}")
    if any(path.relative_to("/dev").parts[0].startswith(_COMPILERS) for path in devices):
        lines.append("MemoryDenyWriteExecute=no")
    return "\n".join(lines) + "\n"


def devices(root: Path) -> list[Path]:
    """Return the device nodes that accelerators have here."""
    found = {path for pattern in _DEVICES for path in (root / "dev").glob(pattern)}
    return sorted(Path("/") / path.relative_to(root) for path in found if path.is_char_device())
