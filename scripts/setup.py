"""Makes `.venv/bin/edgewise` ready: `python3 -m scripts.setup [run|test|bench|fuzz]`, called by the Makefile.

Checks what the system must bring, creates .venv, compiles llama-cpp-python once per kind of machine, installs
the locked packages with their hashes checked, then the project itself. What was done is recorded in .venv, so
that a second call ends at once.
"""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

from scripts import engine, machine
from scripts.checkout import Checkout, interpreter
from scripts.console import SetupError, run_for_a_person, say
from scripts.locking import exclusive

LOCKS = {
    "run": ("requirements-build.lock", "requirements.lock"),
    "test": ("requirements-dev.lock",),
    "bench": ("requirements-bench.lock",),
    "fuzz": ("requirements-fuzz.lock",),
}


def main() -> int:
    """Run one set-up as the command line says, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m scripts.setup", description=__doc__.partition("\n")[0])
    parser.add_argument("purpose", nargs="?", choices=LOCKS, default="run")
    parser.add_argument("--missing", action="store_true", help="only list the Debian packages that are missing for it")
    arguments = parser.parse_args()
    if arguments.missing:
        print(" ".join(_missing(arguments.purpose)))
        return 0
    checkout = Checkout(Path(__file__).resolve().parents[1], os.environ)
    return run_for_a_person(lambda: set_up(checkout, arguments.purpose))


def set_up(checkout: Checkout, purpose: str) -> None:
    """Do what is not yet done for this purpose: what `run` needs, and for the others their packages on top.

    Raises:
        SetupError: the machine lacks something, or a step failed.
    """
    if purpose == "test":
        _require(machine.missing_test_packages())
    with exclusive(checkout.root, "another set-up of this checkout is running; waiting for it"):
        state = checkout.state(LOCKS["run"])
        if not checkout.is_done("run", state):
            _install(checkout)
            checkout.record("run", state)
            say("ready: .venv/bin/edgewise")
        state = checkout.state(LOCKS[purpose])
        if not checkout.is_done(purpose, state):
            _install_locked(checkout, *LOCKS[purpose])
            checkout.record(purpose, state)


def _install(checkout: Checkout) -> None:
    _require(machine.missing_packages())
    _create_venv(checkout)
    _install_locked(checkout, "requirements-build.lock")
    engine.install(checkout)
    _install_locked(checkout, "requirements.lock")
    engine.check(checkout)
    checkout.pip.run("install", "--no-deps", "--no-build-isolation", "--editable", checkout.root)


def _missing(purpose: str) -> list[str]:
    return machine.missing_packages() + (machine.missing_test_packages() if purpose == "test" else [])


def _require(missing: list[str]) -> None:
    if missing:
        packages = " ".join(missing)
        raise SetupError(
            f"These Debian packages are missing: {packages}.",
            hint=f"sudo apt-get install {packages}",
        )


def _create_venv(checkout: Checkout) -> None:
    """Make .venv, from scratch if it belongs to another Python or its pip does not answer."""
    if checkout.python.exists() and _answer(checkout.python) == interpreter():
        checkout.pip.log.unlink(missing_ok=True)
        return
    say(f"creating .venv with Python {platform.python_version()}")
    command = [sys.executable, "-m", "venv", "--clear", str(checkout.venv)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise SetupError(f".venv cannot be made: {made.stdout}{made.stderr}", hint="run `make clean` first")


def _answer(python: Path) -> str:
    show = "import pip, sys; print(sys.base_prefix, sys.version)"
    done = subprocess.run([python, "-I", "-c", show], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _install_locked(checkout: Checkout, *locks: str) -> None:
    for lock in locks:
        say(f"installing what {lock} names")
        checkout.pip.run("install", "--require-hashes", "--requirement", checkout.root / lock)


if __name__ == "__main__":
    sys.exit(main())
