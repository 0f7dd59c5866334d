"""The processor: architecture, features, kinds of cores, caches, and the share that the control group grants."""

import os
import sys

from agent.hardware import cgroup, cpuinfo, topology
from agent.hardware.facts import Cluster, Cpu
from agent.hardware.tree import Tree, number

ARCHITECTURE = "proc/sys/kernel/arch"  # since Linux 6.1
_32_BIT = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}


def find(tree: Tree) -> Cpu:
    """Return the facts about the processor."""
    info = cpuinfo.read(tree)
    cpus = topology.usable_cpus(tree, info)
    groups = topology.clusters(tree, info, cpus)
    clusters = [topology.cluster(cores) for cores in groups]
    fastest = sorted(core.cpu for core in groups[0]) if groups else []
    caches = topology.cache_bytes(tree, cpus)
    return Cpu(
        architecture=_architecture(tree, info),
        model=_model(info, clusters),
        features=info.features(),
        clusters=clusters,
        threads_per_core=topology.threads_per_core(tree, fastest),
        l2=caches.get(2, 0),
        l3=caches.get(3, 0),
        quota=_quota(tree),
    )


def _architecture(tree: Tree, info: cpuinfo.CpuInfo) -> str:
    """Return what programs are compiled for: on the live machine what this one was, whatever the kernel is."""
    if not tree.live:
        return tree.text(ARCHITECTURE) or info.architecture
    machine = os.uname().machine
    return machine if sys.maxsize > 1 << 32 else _32_BIT.get(machine, machine)


def _model(info: cpuinfo.CpuInfo, clusters: list[Cluster]) -> str:
    """Return the processor's name; on Arm the names of its cores."""
    models = [processor.model for processor in info.processors.values() if processor.model]
    return models[0] if models else " + ".join(dict.fromkeys(cluster.name for cluster in clusters if cluster.name))


def _quota(tree: Tree) -> float | None:
    """Return the smallest quota of our control group and those above it, in CPUs."""
    groups, old = cgroup.ancestors(tree, "cpu")
    shares = []
    for group in groups:
        if old:
            quota, period = tree.number(f"{group}/cpu.cfs_quota_us"), tree.number(f"{group}/cpu.cfs_period_us")
        else:
            first, _, second = tree.text(f"{group}/cpu.max").partition(" ")  # "max 100000" or "200000 100000"
            quota, period = number(first), number(second)
        if quota and period:
            shares.append(quota / period)
    return min(shares, default=None)
