"""Memory that is freed goes back to the system, whatever small things were made meanwhile."""

import subprocess
import sys

_SCRIPT = """
import re
from pathlib import Path
from agent.heap import give_back

def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10

give_back()
state = bytearray(16 << 20)
del state  # from which malloc learns
before = own()
state = bytearray(16 << 20)
small = [bytes(600) for _ in range(1000)]
del state
print(own() - before)
"""


def test_a_large_block_is_given_back_even_after_small_ones_were_made() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4, "MiB; 16 without"


_HOLES = """
import re
from pathlib import Path
from agent.heap import give_back, trim

def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10

give_back()
blocks = [bytes(60_000) for _ in range(500)]
above = bytes(60_000)
blocks.clear()
before = own()
trim()
print(before - own())
"""


def test_what_is_free_below_what_is_in_use_is_given_back_by_a_trim() -> None:
    done = subprocess.run([sys.executable, "-c", _HOLES], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 20, "MiB of 28"


_MINUTE = """
import re, socket, time
from pathlib import Path
from agent.engines.echo import Echo
from agent.heap import give_back
from agent.inference.worker import Worker

def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10

give_back()
daemon, ours = socket.socketpair()
worker = Worker(ours, Echo())
blocks = [bytes(60_000) for _ in range(500)]
above = bytes(60_000)
blocks.clear()
for passed in (0, 61):
    before = own()
    worker._tidied = time.monotonic() - passed
    worker._tidy()
    print(before - own())
"""


def test_an_engine_gives_back_what_is_free_once_a_minute() -> None:
    done = subprocess.run([sys.executable, "-c", _MINUTE], capture_output=True, text=True, check=True)
    soon, later = map(int, done.stdout.split())
    assert soon == 0
    assert later > 20, "MiB of 28"
