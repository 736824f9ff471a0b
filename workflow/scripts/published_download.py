"""Download the authors' released results at a pinned commit; a file is accepted only with its known SHA-256."""

from pathlib import Path

import pooch

from sparse_topology.data.downloads import NotDownloaded, checksums, download
from sparse_topology.job import InputError, job


def main(checksum_file, address: str, outputs) -> None:
    """outputs: `<folder>/<relative path>` for relative paths in the checksum file; those that are right are kept."""
    known = checksums(checksum_file)
    for output in map(Path, outputs):
        name = next((name for name in known if str(output).endswith(f"/{name}")), None)
        if name is None:
            raise InputError(f"published: no checksum is known for {output}")
        if not (output.exists() and pooch.file_hash(output) == known[name]):
            fetch(f"{address}/{name}", output, known[name])
        print(f"{name}: {output.stat().st_size} bytes")


def fetch(url: str, output: Path, digest: str) -> None:
    try:
        download(url, output, f"sha256:{digest}")
    except NotDownloaded as error:
        raise InputError(
            f"published: {url} cannot be downloaded ({error}); "
            "set published.path to a folder that holds graph_metrics/ and ramanunjan_results/"
        ) from error


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.checksums, snakemake.params.address, snakemake.output)
