"""An answer that was cut goes on as if it had never been: the real model, without chance."""

import asyncio
from dataclasses import replace
from pathlib import Path

import msgspec

from agent.engines import Sampling
from agent.inference import frames
from agent.inference.supervisor import Supervisor
from tests.inference.supervising import candidate, reached, supervising

QUESTION = [{"role": "user", "content": "Hello, please count from one to ten in words."}]


async def said(supervisor: Supervisor, tokens: int, before: str = "") -> tuple[str, frames.Timings]:
    request = frames.Generate(0, Sampling(temperature=0), messages=QUESTION, max_tokens=tokens, said=before)
    answer, text = supervisor.generate(request), ""
    while events := await answer.events():
        for event in events:
            if isinstance(event, frames.Delta):
                text += event.text
            if isinstance(event, frames.Finished):
                return text, event.timings
    raise AssertionError


def test_an_answer_goes_on_where_it_was_cut(tmp_path: Path, starter: Path) -> None:
    async def scenario() -> None:
        model = candidate(starter, engine="llama_cpp")
        model = replace(model, plan=msgspec.structs.replace(model.plan, context=512))
        async with supervising(tmp_path, model) as supervisor:
            await reached(supervisor, "ready", 30)
            whole, _ = await said(supervisor, 30)
            first, cut = await said(supervisor, 12)
            rest, went_on = await said(supervisor, 18, first)
            assert first
            assert rest
            assert first + rest == whole
            assert went_on.cached >= cut.prompt, "what was read and said before is in the KV cache"

    asyncio.run(scenario())
