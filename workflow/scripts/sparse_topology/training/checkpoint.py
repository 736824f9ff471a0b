"""The state of an unfinished training, from which a later run of the same job goes on."""

import hashlib
import json
import time
from pathlib import Path

import torch

from sparse_topology.files import atomic

CHECKPOINT_SECONDS = 30.0


def settings_key(cfg: dict, code: str, device: torch.device, inputs: list[str]) -> str:
    """A hash of all that the result depends on; of the images, `dataset.json` holds the digests."""
    digest = hashlib.sha256(json.dumps([cfg, code, device.type, torch.__version__], sort_keys=True).encode())
    for path in inputs:
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()[:16]


class Checkpoint:
    """The state of an unfinished training, written at most every `every` seconds beside the output.

    No output of the rule (Snakemake deletes those of a failed job), and named by `key`: after a change of a setting,
    an input or the code it is not found.
    """

    def __init__(self, output: str, key: str, every: float):
        self.folder = Path(output).parent
        self.path, self.every, self.last = self.folder / f".checkpoint-{key}.pt", every, time.monotonic()

    def read(self) -> dict | None:
        if not self.path.exists():
            return None
        try:
            return torch.load(self.path, weights_only=True, map_location="cpu")
        except Exception as error:  # cut off by a power cut: torch fails on such files in many ways
            print(f"{self.path} cannot be read ({type(error).__name__}); the training starts from the beginning")
            return None

    def save(self, done: dict) -> None:
        if time.monotonic() - self.last >= self.every:
            with atomic(self.path) as temporary:
                torch.save(done, temporary)
            self.last = time.monotonic()

    def remove(self) -> None:
        """This one, and what earlier settings left."""
        for path in self.folder.glob(".checkpoint-*"):
            path.unlink()
