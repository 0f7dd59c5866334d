"""What is known about a computer. `edgewise probe --json` prints exactly these fields; they are only ever added to.

An empty text, an empty list, 0 or None is a fact that could not be read, never a guess.
"""

import msgspec

# Instruction-set features that matter to the kernels of llama.cpp and ONNX Runtime, by the kernel's own names in
# /proc/cpuinfo. Everything else in the flags is left out.
ARM_FEATURES = ("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "svei8mm", "sme", "sme2")
X86_FEATURES = (
    "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
    "amx_tile", "amx_int8", "amx_bf16",
)  # fmt: skip


class Board(msgspec.Struct, frozen=True):
    """The computer as a whole.

    Attributes:
        model: as a person would name it, such as `Raspberry Pi 5 Model B Rev 1.0` or `Intel NUC13ANH`.
        vendor: from DMI; empty on boards with a device tree.
        compatible: the device tree's list, most specific first, such as `raspberrypi,5-model-b`, `brcm,bcm2712`.
        system: name of the operating system, such as `Debian GNU/Linux 12 (bookworm)`.
        kernel: release of the running kernel.
        l4t: NVIDIA's Linux for Tegra, such as `36.4.3`, on Jetson boards.
        jetpack: the JetPack that this L4T belongs to, such as `6.2`.
        container: whether this is a container rather than the whole computer.
    """

    model: str
    vendor: str
    compatible: list[str]
    system: str
    kernel: str
    l4t: str
    jetpack: str
    container: bool


class Cluster(msgspec.Struct, frozen=True):
    """CPU cores of one kind.

    Attributes:
        cores: how many this process may use.
        name: such as `Cortex-A76`; empty when unknown.
        megahertz: highest frequency; 0 when unknown.
        capacity: relative speed of one core as the kernel sees it, 1024 for the fastest; 0 when unknown.
    """

    cores: int
    name: str
    megahertz: int
    capacity: int


class Cpu(msgspec.Struct, frozen=True):
    """The processor.

    Attributes:
        architecture: `aarch64`, `armv7l`, `x86_64`, …
        model: as a person would name it.
        features: those of `ARM_FEATURES` or `X86_FEATURES` that it has, in that order.
        clusters: fastest first.
        threads_per_core: 2 with hyper-threading.
        l2: bytes of all level-2 caches together; 0 when unknown.
        l3: bytes of all level-3 caches together; 0 when unknown or absent.
        quota: CPUs' worth of time that the cgroup grants; None without a limit.
    """

    architecture: str
    model: str
    features: list[str]
    clusters: list[Cluster]
    threads_per_core: int
    l2: int
    l3: int
    quota: float | None

    @property
    def cores(self) -> int:
        """Logical CPUs that this process may use."""
        return sum(cluster.cores for cluster in self.clusters)

    @property
    def big_cores(self) -> int:
        """Physical cores of the fastest kind, no more than the quota; at least 1."""
        fastest = self.clusters[0].cores if self.clusters else 1
        physical = max(1, fastest // max(1, self.threads_per_core))
        return max(1, min(physical, int(self.quota))) if self.quota is not None else physical


class Memory(msgspec.Struct, frozen=True):
    """Main memory, in bytes.

    Attributes:
        total: that the kernel manages.
        available: that can be taken without swapping (`MemAvailable`).
        limit: of the cgroup or the nearest ancestor that has one; None without a limit.
        limit_used: counted against that limit and not reclaimable.
        swap: size of all swap that is not compressed memory.
        zram: size of all swap in compressed memory.
        pressure: percentage of the last 10 s in which some task waited for memory (PSI); None when unknown.
        contiguous: reserved for devices (CMA) and so not for us while they use it.
    """

    total: int
    available: int
    limit: int | None
    limit_used: int
    swap: int
    zram: int
    pressure: float | None
    contiguous: int

    @property
    def usable(self) -> int:
        """Bytes that a new process can have."""
        if self.limit is None:
            return self.available
        return max(0, min(self.available, self.limit - self.limit_used))


class Accelerator(msgspec.Struct, frozen=True):
    """A GPU or NPU.

    Attributes:
        kind: `gpu` or `npu`.
        vendor: `nvidia`, `amd`, `intel`, `rockchip`, `hailo`, `qualcomm`, `broadcom`, `arm`, …
        name: such as `Hailo-10H` or `NVIDIA GeForce RTX 4060`.
        driver: kernel driver and its version as far as known, such as `amdxdna`.
        memory: bytes of its own; None when it shares main memory.
        provider: execution provider that would use it, such as `cuda`, `openvino`, `qnn`; empty when there is none.
        note: why it cannot run language models, or what is missing; empty when nothing stands in the way.
    """

    kind: str
    vendor: str
    name: str
    driver: str
    memory: int | None
    provider: str
    note: str


class Zone(msgspec.Struct, frozen=True):
    """A temperature sensor: name, degrees Celsius, and the lowest passive, hot or critical trip point, if any."""

    name: str
    celsius: float
    limit: float | None


class Thermal(msgspec.Struct, frozen=True):
    """Heat.

    Attributes:
        zones: sensors that gave a plausible value.
        throttled: what holds the processor back now, such as `under-voltage` or `frequency capped`.
        throttled_before: what has done so since the last boot.
        governor: CPU frequency governor.
    """

    zones: list[Zone]
    throttled: list[str]
    throttled_before: list[str]
    governor: str


class Storage(msgspec.Struct, frozen=True):
    """The file system that holds the models.

    Attributes:
        kind: `nvme`, `ssd`, `disk`, `sd-card`, `emmc`, `usb`, `virtual`, `network`, `memory` or empty.
        device: such as `mmcblk0`.
        total: bytes.
        free: bytes that this user may write.
        read_rate: bytes per second, where it was measured; 0 otherwise.
    """

    kind: str
    device: str
    total: int
    free: int
    read_rate: float


class Hardware(msgspec.Struct, frozen=True):
    """A computer, as far as it can be known from /proc and /sys."""

    board: Board
    cpu: Cpu
    memory: Memory
    accelerators: list[Accelerator]
    thermal: Thermal
    storage: Storage
