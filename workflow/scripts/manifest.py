"""What made these results: command, commit, machine, versions, configuration. Written while the study runs.

Git state and the command line are read here, in the running job, and are nobody's parameter or input: a commit reruns
nothing.
"""

import hashlib
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from sparse_topology.files import write_json
from sparse_topology.job import job
from sparse_topology.provenance import git_state

PACKAGES = ["snakemake", "torch", "torchvision", "igraph", "numpy", "scipy", "numba"]
PACKAGES += ["scikit-learn", "pandas", "pyarrow"]


def command() -> str | None:
    """The command line of the Snakemake process that this job belongs to; None where it is not its ancestor."""
    for process in psutil.Process().parents():
        line = process.cmdline()
        if any("snakemake" in Path(part).name for part in line[:3]):
            return " ".join(line)
    return None


def processor() -> str:
    """The processor's name, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if "model name" in line]
        if cpuinfo.exists()
        else []
    )
    return names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()


def gpus() -> list[str]:
    """Names of the NVIDIA GPUs of this machine, from the driver."""
    facts = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = [line for fact in facts for line in fact.read_text().splitlines() if line.startswith("Model:")]
    return [line.partition(":")[2].strip() for line in lines]


def manifest(config: dict) -> dict:
    text = json.dumps(config, sort_keys=True)
    memory = psutil.virtual_memory().total
    return {
        "command": command(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(),
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": psutil.cpu_count(),
            "memory_gb": round(memory / 1e9, 1),
            "gpus": gpus(),
        },
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "config": config,
    }


def main(output: str, config: dict) -> None:
    write_json(output, manifest(config))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.output[0], snakemake.params.cfg | snakemake.params.places)
