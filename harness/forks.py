"""Forks: how many processes train a study, and the one that they are forked from."""

import os
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext

import psutil
import torch

from harness.samplers import independent
from harness.search import Search

MEMORY = 2**30
"""Bytes that a worker is allowed for: its imports take 0.6 GB (2026-11-22)."""
PRELOADED = ["harness.workers", "harness.anatomy.describe"]
"""What workers import once, before they are forked; torch's compiler comes with the second."""


def default_workers(search: Search) -> int:
    """Return how many processes train a study by itself: a core each, if that changes no result.

    What TPE or a pruner decides depends on the order in which trials end: those keep to one.
    """
    if not independent(search.study) or torch.cuda.is_available():
        return 1
    room = psutil.virtual_memory().available // MEMORY
    return max(1, min(cores(), room, search.blocks()))


def cores() -> int:
    """Return how many cores this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def context() -> ForkServerContext:
    """Return the way that workers are made; the process they come from begins its imports."""
    made = get_context("forkserver")
    made.set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()
    return made
