"""`python -m benchmarks.rendering`."""

import sys

from benchmarks.rendering import run

run(sys.argv[1:])
