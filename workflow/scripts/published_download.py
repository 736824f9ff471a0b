"""Download the authors' released results at a pinned commit; a file is accepted only with its known SHA-256."""

import hashlib
import time
import urllib.error
import urllib.request
from pathlib import Path

from sparse_topology.files import atomic
from sparse_topology.job import InputError, job

ATTEMPTS = 4


def checksums(path) -> dict[str, str]:
    """{relative path: SHA-256} from lines `<sha256>  <path>`."""
    lines = Path(path).read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}


def fetch(address: str, attempts: int = ATTEMPTS, pause: float = 5.0) -> bytes:
    """The content behind an address; network faults are tried again."""
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.read()
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if attempt == attempts:
                raise InputError(
                    f"published: {address} cannot be downloaded ({error}); "
                    "set published.path to a folder that holds graph_metrics/ and ramanunjan_results/"
                ) from error
            print(f"{address}: {error}; trying again")
            time.sleep(pause * attempt)


def verified(content: bytes, digest: str, address: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise InputError(f"published: {address} has SHA-256 {found}, expected {digest}; nothing was kept")
    return content


def main(checksum_file, address: str, outputs) -> None:
    """Every output is `<folder>/<relative path>` for a relative path in the checksum file."""
    known = checksums(checksum_file)
    for output in outputs:
        name = next((name for name in known if str(output).endswith(f"/{name}")), None)
        if name is None:
            raise InputError(f"published: no checksum is known for {output}")
        content = verified(fetch(f"{address}/{name}"), known[name], f"{address}/{name}")
        with atomic(output) as temporary:
            temporary.write_bytes(content)
        print(f"{name}: {len(content)} bytes")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.checksums, snakemake.params.address, snakemake.output)
