"""What selection says: the JSON of `edgewise select --json` and of `GET /api/edgewise/selection`.

Fields are only ever added. Bytes, seconds, tokens per second.
"""

from typing import Literal

import msgspec

from agent.memory import MemoryEstimate
from agent.plan import KvType, Plan
from agent.speed import Prediction

Verdict = Literal["chosen", "possible", "slow", "large", "unsuitable"]


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """One file of one model on one execution provider, and what became of it.

    Attributes:
        model: name in the catalogue, or of an installed model that the catalogue does not know.
        title: the same for people.
        file: reference from which it is installed.
        installed: name under which it is installed; empty when it is not.
        engine: that runs it.
        provider: execution provider of that engine.
        quantization: such as `Q4_K_M`.
        bytes: size of the file.
        licence: of the model.
        restrictions: what the licence forbids or demands; empty when nothing.
        context_length: tokens per request.
        parallel: requests at the same time.
        micro_batch: tokens computed in one go.
        kv_type: type of keys and values.
        threads: compute threads.
        prompt_cache: bytes for conversations without a slot.
        mapped: whether the file is mapped rather than read.
        shrunk: what was given up, in words, so that it fits.
        memory: what it takes; None where its shape is unknown.
        predicted: how fast it will be; None likewise.
        measured: whether `predicted` was measured in real use of this file on this machine.
        quality: score of the model on the scale of MMLU-Pro.
        quality_source: who says so.
        quality_estimated: whether that is a guess or mapped from another benchmark.
        thinking: whether it thinks before it answers, as it will be run.
        score: what it is ranked by, the sum of `score_parts`.
        score_parts: quality, and what was added and taken off, by reason.
        verdict: `chosen`; `possible` when it would run well too; `slow`; `large` when memory or disk has no room;
            `unsuitable` when it is out of the question whatever its size and speed.
        reason: why, in one sentence.
    """

    model: str
    title: str
    file: str
    installed: str
    engine: str
    provider: str
    quantization: str
    bytes: int
    licence: str
    restrictions: str
    quality: float
    quality_source: str
    quality_estimated: bool
    context_length: int = 0
    parallel: int = 0
    micro_batch: int = 0
    kv_type: KvType | Literal["f32", ""] = ""
    threads: int = 0
    prompt_cache: int = 0
    mapped: bool = True
    shrunk: list[str] = []
    memory: MemoryEstimate | None = None
    predicted: Prediction | None = None
    measured: bool = False
    thinking: bool = False
    score: float = 0.0
    score_parts: dict[str, float] = {}
    verdict: Verdict = "unsuitable"
    reason: str = ""

    def plan(self) -> Plan:
        """Return how the engine is to run it."""
        return Plan(
            context=self.context_length,
            parallel=self.parallel,
            threads=self.threads,
            micro_batch=self.micro_batch,
            kv_type="f16" if not self.kv_type or self.kv_type == "f32" else self.kv_type,  # f32: the model decides
            prompt_cache=self.prompt_cache,
            mapped=self.mapped,
            provider=self.provider,
        )


class Budget(msgspec.Struct, frozen=True):
    """Memory in bytes.

    Attributes:
        available: what new processes can have.
        reserve: of it, what stays for the system.
        usable: what is left for a model that chats.
        embeddings: what the embedding process takes or may take.
    """

    available: int
    reserve: int
    usable: int
    embeddings: int = 0


class Selection(Considered, frozen=True, kw_only=True):
    """The choice, and everything that was not chosen.

    Attributes:
        profile: name of the firmware profile.
        board: what the machine is, in words.
        budget: memory.
        rates: where the speed predictions come from, in words.
        notes: what a person should know about this choice.
        rejected: everything else, best first.
    """

    profile: str
    board: str
    budget: Budget
    rates: str
    notes: list[str]
    rejected: list[Considered]

    @property
    def considered(self) -> list[Considered]:
        """All that was considered: the choice, then everything else, best first."""
        return [self, *self.rejected]

    def of_installed(self, name: str) -> Considered | None:
        """Return what was said of an installed model; None when it was not considered."""
        return next((entry for entry in self.considered if entry.installed == name != ""), None)
