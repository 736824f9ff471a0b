"""The GPU of a job: of those that it may see, the one with the fewest jobs.

Several jobs of one machine train at once (`--resources gpu=N`), each in a process of its own that nobody tells which
GPU to take. They agree through locks on files, which end with the process that holds them, however it ends.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import torch

from sparse_topology.job import InputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_held = []  # the open lock of this process, closed by its end


def chosen_device(wanted: str = "auto") -> torch.device:
    """The device to compute on; on a GPU it becomes the process's only one, before CUDA starts.

    wanted: auto (a GPU if there is one), cuda or cpu. Raises InputError for cuda without a usable GPU.
    """
    if wanted != "cpu" and not _held and not torch.cuda.is_initialized():
        visible = visible_gpus()
        if len(visible) > 1:
            gpu, lock = take(visible, Path(tempfile.gettempdir(), f"sparse-topology-gpus-{os.getuid()}"))
            os.environ[VISIBLE] = gpu
            _held.append(lock)
    present = torch.cuda.is_available()
    if wanted == "cuda" and not present:
        raise InputError("training.<data set>.device: 'cuda', but there is no usable GPU; allowed here: 'auto', 'cpu'")
    return torch.device("cuda" if present and wanted != "cpu" else "cpu")


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use: what CUDA_VISIBLE_DEVICES lists (as Slurm sets it), else all."""
    listed = os.environ.get(VISIBLE)
    if listed is not None:
        return [name.strip() for name in listed.split(",") if name.strip()]
    return [str(index) for index in range(torch.cuda.device_count())]


def take(gpus: list[str], folder: Path) -> tuple[str, int]:
    """(GPU, file descriptor of its lock): a slot of the GPU that holds the fewest jobs, of equals the one whose last
    job began the longest ago, so that all have their turn.

    A slot is a file `<gpu>.<k>` in `folder`, as old as its last job; it is taken while some process has it locked.
    Looking and taking are one step for all processes, under a lock on the folder's `door`.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    with locked(folder / "door"):
        taken = {gpu: slots_taken(gpu, folder) for gpu in gpus}
        gpu = min(gpus, key=lambda name: (len(taken[name]), last_taken(name, folder)))
        slot = next(k for k in count() if k not in taken[gpu])
        descriptor = os.open(folder / f"{gpu}.{slot}", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.utime(descriptor)
    return gpu, descriptor


def last_taken(gpu: str, folder: Path) -> int:
    """When the GPU's last job began, in ns; 0 if it never had one."""
    return max((path.stat().st_mtime_ns for path in folder.glob(f"{gpu}.*")), default=0)


def slots_taken(gpu: str, folder: Path) -> set[int]:
    """The slots of a GPU that a living process holds."""
    taken = set()
    for path in folder.glob(f"{gpu}.*"):
        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            taken.add(int(path.suffix[1:]))
        finally:
            os.close(descriptor)
    return taken


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among all processes that ask for `path`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
