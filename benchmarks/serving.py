"""Serving speed beside llama.cpp's own server, in one run: the two are driven in turn, ratios are pair by pair.

    serving.py [--model FILE] [--rounds N] [--json]

decode     tok/s of the median stream, after its first token; 1, 4 and 8 streams at once
total      tok/s of all streams together, from the first request to the last token
ttft       seconds from the request to the first text
follow-up  ttft of the second turn of a conversation of about 500 tokens, which is in the KV cache
overtaking ttft of a short question that arrives while a prompt of about 4000 tokens is processed
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks import servers

_TOKENS = 128  # of each answer
_STORY = "Write story number {} about a robot who learns to paint. Make it long and full of detail."
_HISTORY = "Once there was a robot who dreamed in colour. " * 40
_DOCUMENT = "Item {}: the lighthouse keeper counted {} ships, {} gulls and one small paper boat. "
_SETTINGS = {"temperature": 0.7, "top_k": 40, "top_p": 0.95}


async def ask(
    client: httpx.AsyncClient,
    messages: list[dict[str, str]],
    tokens: int,
    seed: int,
    settings: Mapping[str, float] = _SETTINGS,
) -> dict[str, float]:
    """Stream one answer; returns seconds to the first text, tokens, and tok/s after the first."""
    body = {"model": "default", "messages": messages, "max_tokens": tokens, "seed": seed, "stream": True}
    body |= {"stream_options": {"include_usage": True}, **settings}
    begin = time.perf_counter()
    first = last = 0.0
    count = 0
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            count = (chunk.get("usage") or {}).get("completion_tokens", count)
            if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                last = time.perf_counter()
                first = first or last
    return {"ttft": first - begin, "tokens": count, "decode": (count - 1) / max(last - first, 1e-9)}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


async def streams(client: httpx.AsyncClient, count: int, base: int) -> dict[str, float]:
    begin = time.perf_counter()
    jobs = [ask(client, [user(_STORY.format(base + i))], _TOKENS, base + i) for i in range(count)]
    answers = await asyncio.gather(*jobs)
    return summary(answers, time.perf_counter() - begin)


def summary(answers: Sequence[Mapping[str, float]], wall: float) -> dict[str, float]:
    """Return what answers that were given at the same time within `wall` seconds say together."""
    return {
        "decode": statistics.median(answer["decode"] for answer in answers),
        "total": sum(answer["tokens"] for answer in answers) / wall,
        "ttft": statistics.median(answer["ttft"] for answer in answers),
    }


async def follow_up(client: httpx.AsyncClient, base: int) -> dict[str, float]:
    turn = [user(f"Tell me about robot {base}. {_HISTORY}")]
    await ask(client, turn, 8, base)
    turn += [{"role": "assistant", "content": "It painted the sea."}, user("Go on.")]
    return {"ttft": (await ask(client, turn, 8, base))["ttft"]}


async def overtaking(client: httpx.AsyncClient, base: int) -> dict[str, float]:
    document = "".join(_DOCUMENT.format(base + i, i * 7, i * 3) for i in range(135))
    slow = asyncio.create_task(ask(client, [user(document)], 4, base))
    await asyncio.sleep(0.5)
    quick = await ask(client, [user(f"What is {base} plus one?")], 4, base)
    slow_ttft = (await slow)["ttft"]
    return {"ttft": quick["ttft"], "document": slow_ttft}


def client_of(url: str) -> httpx.AsyncClient:
    """Return a client with a new connection for each request: the peer closes idle ones without a word."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=url, timeout=300, trust_env=False, limits=limits)


async def measure(pair: list[servers.Server], rounds: int) -> dict[str, dict[str, float]]:
    """Return for each figure both medians and the median of the ratios."""
    clients = {server.name: client_of(server.url) for server in pair}
    cases: dict[str, Any] = {f"{count} streams": (streams, count) for count in (1, 4, 8)}
    cases |= {"follow-up": (follow_up,), "overtaking": (overtaking,)}
    result = {}
    for case, (function, *arguments) in cases.items():
        rows: dict[str, list[dict[str, float]]] = {server.name: [] for server in pair}
        for number in range(-1, rounds):  # the first round warms up
            for name, client in clients.items():
                row = await function(client, *arguments, 1000 * (number + 2))
                if number >= 0:
                    rows[name].append(row)
        ours, theirs = rows.values()
        for figure in ours[0]:
            pairs = [(mine[figure], other[figure]) for mine, other in zip(ours, theirs, strict=True)]
            result[f"{case} {figure}"] = {
                pair[0].name: statistics.median(mine for mine, _ in pairs),
                pair[1].name: statistics.median(other for _, other in pairs),
                "ratio": statistics.median(mine / other for mine, other in pairs),
            }
    for client in clients.values():
        await client.aclose()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = options.model or servers.starter()
    with servers.edgewise(model) as ours, servers.peer(model) as theirs:
        result = asyncio.run(measure([ours, theirs], options.rounds))
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for figure, row in result.items():
        print(f"{figure:20}", "  ".join(f"{name} {value:9.4f}" for name, value in row.items()))


if __name__ == "__main__":
    main()
