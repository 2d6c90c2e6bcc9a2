"""System metrics: how busy the machine is, under the names that MLflow's UI knows."""

import os

import psutil
import torch


def sample() -> dict[str, float]:
    """Return processor and memory use now, and a GPU's memory where there is one."""
    memory = psutil.virtual_memory()
    own = psutil.Process(os.getpid()).memory_info().rss
    values = {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),
        "system/system_memory_usage_megabytes": memory.used / 1e6,
        "system/system_memory_usage_percentage": memory.percent,
        "system/process_memory_megabytes": own / 1e6,
    }
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        values["system/gpu_0_memory_usage_megabytes"] = (total - free) / 1e6
        values["system/gpu_0_memory_usage_percentage"] = 100 * (1 - free / total)
    return values
