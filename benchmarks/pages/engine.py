"""What twenty viewers of an answer cost the engine: decode of the starter model with one and with 21, in turn.

    python -m benchmarks.pages.engine [--model FILE] [--rounds N]

Same question, same seed; tokens per second as the daemon keeps them with the answer. Viewers are a process of their
own on the same machine, which takes processor time too: on a device it is somebody else's.
"""

import argparse
import asyncio
import json
import statistics
from pathlib import Path

from benchmarks import servers
from benchmarks.pages.filled import Filled, filled
from benchmarks.pages.viewers import watched

_QUESTION = {"text": "Write a long story about a robot who learns to paint, full of detail."}
_SETTINGS = {"temperature": "0.7", "seed": "1", "max_tokens": "384"}
_FEW, _MANY = 1, 21  # one sees when the answer has ended


async def rate(device: Filled, viewers: int) -> float:
    """Return tokens per second of an answer that so many watch."""
    with device.client() as client:
        place = client.post("/c", data=_QUESTION | _SETTINGS).headers["location"]
        conversation, _, message = place.removeprefix("/c/").partition("#m-")
        async with watched(device, conversation, message, viewers) as pages:
            await asyncio.gather(*pages)
        exported = json.loads(client.get(f"/c/{conversation}/export.json").content)
    stats = exported["conversations"][0]["messages"][1]["stats"]
    return float((stats["completion"] - 1) / stats["decode"])


async def report(device: Filled, rounds: int) -> None:
    """Print medians and the median of the ratios."""
    await rate(device, _FEW)
    pairs = [(await rate(device, _FEW), await rate(device, _MANY)) for _ in range(rounds)]
    few, many = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(second / first for first, second in pairs)
    print(f"{_FEW} viewer {few:6.1f} tok/s   {_MANY} viewers {many:6.1f} tok/s   ratio {ratio:5.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with filled("--model", str(options.model or servers.starter()), conversations=1) as device:
        asyncio.run(report(device, options.rounds))


if __name__ == "__main__":
    main()
