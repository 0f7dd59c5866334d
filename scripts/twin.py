"""Puts ONNX models where the tests look for them: .venv/twin/ and .venv/onnx-zoo/. Runs inside .venv.

The twin is the starter model as ONNX; the zoo holds tiny models of other architectures and layouts. Both are made on
this machine, in an environment of its own with torch. The cache keeps the environment and the models, so that the next
checkout installs and converts nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts import starter
from scripts.checkout import Checkout, interpreter
from scripts.console import SetupError, run_for_a_person, say
from scripts.locking import exclusive
from scripts.machine import digest
from scripts.pip import Pip

REQUIREMENTS = "requirements-convert.txt"
FOLDERS = ("twin", "onnx-zoo")
INGREDIENTS = (REQUIREMENTS, "agent/convert/work.py", "scripts/zoo.py", "scripts/zoo_answers.py")
_CPU_BUILDS = "https://download.pytorch.org/whl/cpu"  # the index's own torch for x86 brings 2 GB of CUDA along
_ROOM = 2_500_000_000  # bytes: the environment takes 1.4 GB, the packages in pip's cache and the models the rest
_KEPT = 2  # recipes whose models stay in the cache: this branch and the other one
_SCRATCH = "scratch-"
_LAST_LINES = 20
_OFFLINE = {"HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def main() -> int:
    """Make what is missing, and return the exit status."""
    checkout = Checkout(Path(__file__).resolve().parents[1], os.environ)
    return run_for_a_person(lambda: provide(checkout))


def provide(checkout: Checkout) -> None:
    """Make the models of this version of the recipe appear in .venv, from the cache or anew.

    Raises:
        SetupError: they cannot be made here.
    """
    wanted = key(checkout)
    if _is_there(checkout, wanted):
        return
    kept = checkout.cache / "twin" / wanted
    kept.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(kept.parent, "another set-up is making the ONNX models; waiting for it"):
        if _is_there(checkout, wanted):  # since it was the same checkout
            return
        if not kept.is_dir():
            _make(kept, checkout)
        os.utime(kept)  # used last
        _prune(kept.parent)
        stamp = _stamp(checkout)
        stamp.unlink(missing_ok=True)
        for name in FOLDERS:
            _replace(checkout.venv / name, kept / name)
        stamp.write_text(wanted, encoding="utf-8")


def _stamp(checkout: Checkout) -> Path:
    return checkout.venv / "twin.stamp"


def _is_there(checkout: Checkout, wanted: str) -> bool:
    stamp = _stamp(checkout)
    present = all((checkout.venv / name).is_dir() for name in FOLDERS)
    return present and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted


def _prune(cache: Path) -> None:
    """Remove what was not used lately: models of other recipes, and what a killed set-up has left half made."""
    folders = sorted(filter(Path.is_dir, cache.iterdir()), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
    whole = [folder for folder in folders if not folder.name.startswith(_SCRATCH)]
    for folder in folders:
        if folder not in whole[:_KEPT]:
            shutil.rmtree(folder, ignore_errors=True)


def _replace(target: Path, source: Path) -> None:
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def key(checkout: Checkout) -> str:
    """Return the name of what the recipe of this checkout makes: its packages, its code and the starter model."""
    return digest((starter.FILE_SHA256, *(checkout.read(name) for name in INGREDIENTS)))


def _make(kept: Path, checkout: Checkout) -> None:
    source = checkout.venv / "starter" / starter.FILE
    starter.provide(source, checkout)
    python = _environment(checkout)
    say("making the ONNX twin of the starter model and the small models, about half a minute")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=kept.parent) as scratch:
        made, work = Path(scratch, "made"), Path(scratch, "work")
        work.mkdir()
        twin, zoo = (made / name for name in FOLDERS)
        script = checkout.root / "agent" / "convert" / "work.py"
        # All matrices as int4, as most published models have them.
        _run(checkout, python, script, source, twin, "--scratch", work, "--option", "algo_config=default")
        _run(checkout, python, "-m", "scripts.zoo", work / "transformers", twin, zoo)
        made.rename(kept)
    say(f"made the ONNX models in {time.monotonic() - started:.0f} s")


def _run(checkout: Checkout, python: Path, *arguments: str | Path) -> None:
    command = [python, *arguments]
    env = {**checkout.env, **_OFFLINE}
    done = subprocess.run(command, cwd=checkout.root, env=env, capture_output=True, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).decode(errors="replace").splitlines()[-_LAST_LINES:]
        raise SetupError(
            f"The ONNX models for the tests cannot be made ({' '.join(map(str, arguments))}):\n" + "\n".join(last),
            hint=f"it takes 2 GB of free memory; remove {python.parents[1]} to install the packages anew",
        )


def environment_of(checkout: Checkout) -> Path:
    """Return where the cache keeps the environment with the packages for conversions, whether it is there or not."""
    wanted = digest((interpreter(), checkout.read(REQUIREMENTS)))
    return checkout.cache / "convert" / wanted


def _environment(checkout: Checkout) -> Path:
    """Return the Python of that environment, made if it is missing; of these, the cache keeps one."""
    venv = environment_of(checkout)
    home, python, stamp = venv.parent, venv / "bin" / "python", venv / "complete"
    if stamp.is_file():
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.mkdir(parents=True)
    free = shutil.disk_usage(venv).free
    if free < _ROOM:
        raise SetupError(
            f"{home} has {free / 1e9:.1f} GB of free space; the packages for conversions take {_ROOM / 1e9:.1f} GB.",
            hint="make room, or set XDG_CACHE_HOME to a larger disk",
        )
    say(f"installing what {REQUIREMENTS} names, torch among it: about 500 MB, for the ONNX models of the tests")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
    pip = Pip(python, venv / "pip.log")
    torch = next(line for line in checkout.read(REQUIREMENTS).splitlines() if line.startswith("torch=="))
    pip.run("install", "--no-deps", "--extra-index-url", _CPU_BUILDS, torch)
    pip.run("install", "--requirement", checkout.root / REQUIREMENTS)
    stamp.touch()
    return python


if __name__ == "__main__":
    sys.exit(main())
