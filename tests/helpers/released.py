"""The authors' released results: those beside the repository, else downloaded once into the user's cache."""

import fcntl
import re
from pathlib import Path

import pooch
import published_download
import pytest
import requests
from conftest import REPO, SHARED

from sparse_topology.job import InputError

CHECKSUMS = REPO / "workflow" / "resources" / "published-sha256.txt"
RULES = (REPO / "workflow" / "rules" / "published.smk").read_text()
ADDRESS = re.search(r'"(https://\S+/graph_data)"', RULES)[1]
CACHE = pooch.os_cache("sparse-topology") / ADDRESS.split("/")[-2]  # one folder per commit of the release


def released_files(beside: Path = SHARED / "published" / "graph_data", cache=CACHE, address=ADDRESS, sums=CHECKSUMS):
    """(folder, its files): the names in `sums`, plain or gzipped. Skips the test only if there is no network."""
    names = published_download.checksums(sums)
    if beside.is_dir():
        return beside, [next(beside / n for n in (name, f"{name}.gz") if (beside / n).exists()) for name in names]
    files = [Path(cache, name) for name in names]
    Path(cache).mkdir(parents=True, exist_ok=True)
    with open(Path(cache, ".lock"), "w", encoding="utf-8") as lock:  # tests of other processes want the same files
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            published_download.main(sums, address, files)
        except InputError as error:
            fault = error.__cause__.__cause__
            if isinstance(fault, requests.ConnectionError | requests.Timeout):
                pytest.skip(f"needs a network for the authors' released results: {fault}")
            raise
    return Path(cache), files
