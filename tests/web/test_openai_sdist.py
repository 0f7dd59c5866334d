"""The tests that the `openai` package has of its own, run against our daemon.

They come with its source distribution, which is fetched once and kept in the cache. They send every documented field,
check every type of the replies, and use three HTTP clients.
"""

import importlib.metadata
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.daemon import ROOT, Daemon, daemon

VERSION = importlib.metadata.version("openai")
RESOURCES = "tests/api_resources"
SELECTED = "create or test_models and (retrieve or list)"  # what we serve of these resources
REFUSED = [  # they send a suffix
    f"--deselect={RESOURCES}/test_completions.py::{group}::test_method_create_with_all_params"
    for group in ("TestCompletions", "TestAsyncCompletions")
]


def fetch(target: Path) -> None:
    """Put the unpacked source distribution of the installed version at `target`, checked by the hash in the lock."""
    lock = (ROOT / "requirements-dev.lock").read_text()
    entry = re.search(rf"^openai=={re.escape(VERSION)}(?:.*\\\n)+.*--hash=.*$", lock, re.MULTILINE)
    assert entry, f"requirements-dev.lock has another openai than {VERSION}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wanted = Path(scratch, "requirement.txt")
        wanted.write_text(entry[0])
        options = [
            "--no-deps",
            "--no-binary",
            "openai",
            "--require-hashes",
            "--requirement",
            str(wanted),
            "--retries=1",
        ]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", scratch]
        result = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        if result.returncode != 0:
            unavailable(result.stderr[-500:])
        with tarfile.open(Path(scratch, f"openai-{VERSION}.tar.gz")) as archive:
            # Debian 12 has Python 3.11.2, which knows no filters; pip has checked the file's hash.
            archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
            archive.extractall(scratch)  # noqa: S202 - as above
        Path(scratch, f"openai-{VERSION}").rename(target)


def unavailable(reason: str) -> None:
    """Skip, but not where the tests are what counts."""
    message = f"the source distribution of openai {VERSION} cannot be fetched: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def sources() -> Path:
    """The unpacked source distribution."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "edgewise")
    target = cache / f"openai-{VERSION}"
    if not target.is_dir():
        fetch(target)
    return target


@pytest.fixture(scope="module")
def anybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon whose model answers to every name."""
    with daemon(tmp_path_factory.mktemp("anybody"), "--aliases", "*") as running:
        yield running


def test_the_tests_of_the_openai_package_pass(sources: Path, anybody: Daemon) -> None:
    files = [f"{RESOURCES}/{name}" for name in ("chat/test_completions.py", "test_completions.py", "test_models.py")]
    options = ["-o", "addopts=", "-p", "no:cacheprovider", "-q", "--tb=short", *files, "-k", SELECTED, *REFUSED]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=sources,
        env={**os.environ, "TEST_API_BASE_URL": f"{anybody.url}/v1"},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    summary = result.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"105 passed, \d+ deselected in .*", summary), result.stdout[-3000:] + result.stderr[-1000:]
