"""What this machine is and lacks: Debian packages, processor, compiler, memory."""

import hashlib
import os.path
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

COMPILER_PACKAGE = "g++"
VENV_PACKAGE = "python3-venv"
MAKE_PACKAGE = "make"
BROWSER_PACKAGE = "chromium"
BROKER_PACKAGE = "mosquitto"
SIGNER_PACKAGE = "minisign"
FONT_PACKAGE = "fonts-dejavu-core"
_SERVERS = ("/usr/sbin", "/usr/local/sbin")  # not on the PATH of ordinary people
_FONTS = "/usr/share/fonts/truetype"  # Debian's packages of fonts put theirs there; without any, text has no width

AMX_FLAGS = ("-mno-amx-int8", "-mno-amx-tile", "-mno-amx-bf16")
"""With AMX, GCC 12 builds a llama.cpp that dies with SIGSEGV on any batch of more than one token."""

BYTES_PER_JOB = 2**30
"""The largest file of llama.cpp takes 447 MiB to compile (GCC 12, x86-64); a kernel for a GPU takes more."""

_CPU_FIELDS = frozenset({"flags", "Features", "CPU implementer", "CPU part", "isa"})
"""The lines of /proc/cpuinfo that decide what `-march=native` means, on x86, Arm and RISC-V."""


def missing_packages(
    find_command: Callable[[str], object] = shutil.which,
    find_module: Callable[[str], object] = find_spec,
) -> list[str]:
    """Return the Debian packages that the set-up needs and this machine lacks.

    Debian's python3 comes without `ensurepip`, so `python3 -m venv` fails until python3-venv is there.
    """
    missing = []
    if not find_module("ensurepip"):
        missing.append(VENV_PACKAGE)
    if not (find_command("c++") and find_command("cc")):
        missing.append(COMPILER_PACKAGE)
    if not find_command("make"):
        missing.append(MAKE_PACKAGE)
    return missing


def missing_test_packages(
    find_command: Callable[[str], object] = shutil.which, exists: Callable[[str], bool] = os.path.exists
) -> list[str]:
    """Return the Debian packages that the tests need besides: a browser with a font, an MQTT broker, and minisign."""
    missing = []
    if not find_command("chromium"):
        missing.append(BROWSER_PACKAGE)
    if not exists(_FONTS):
        missing.append(FONT_PACKAGE)
    if not (find_command("mosquitto") or any(exists(f"{place}/mosquitto") for place in _SERVERS)):
        missing.append(BROKER_PACKAGE)
    if not find_command("minisign"):
        missing.append(SIGNER_PACKAGE)
    return missing


def cpu_features(cpuinfo: str) -> tuple[str, ...]:
    """Return what the processor can do, from the text of /proc/cpuinfo.

    Order is ignored, and so is everything that changes between two boots, such as clock rates.
    """
    features = set()
    for line in cpuinfo.splitlines():
        field, _, value = line.partition(":")
        if field.strip() in _CPU_FIELDS:
            features.add(f"{field.strip()}: {' '.join(sorted(value.split()))}")
    return tuple(sorted(features))


def build_jobs(cores: int, meminfo: str) -> int:
    """Return how many files to compile at once on this many cores, from the text of /proc/meminfo."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024
            return max(1, min(cores, available // BYTES_PER_JOB))
    return 1


def compiler_version(compiler: Sequence[str]) -> str:
    """Return the first line of the compiler's `--version`, or nothing if there is no such compiler."""
    try:
        done = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.partition("\n")[0]


def compiler_accepts(compiler: Sequence[str], flags: Sequence[str]) -> bool:
    """Tell whether the compiler takes these flags, by compiling an empty file."""
    command = [*compiler, *flags, "-x", "c++", "-c", "/dev/null", "-o", "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def compiler_flags(architecture: str, accepts: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    """Return the extra compiler flags for `platform.machine()`: on x86 no AMX, elsewhere none.

    A compiler that refuses the flags is too old to use AMX at all.
    """
    if architecture in {"x86_64", "AMD64", "i686"} and accepts(AMX_FLAGS):
        return AMX_FLAGS
    return ()


def digest(parts: Iterable[str]) -> str:
    """Return a short name for these parts; another order or another split is another name."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_proc(name: str) -> str:
    """Return the text of /proc/<name>."""
    return Path("/proc", name).read_text(encoding="utf-8", errors="replace")
