"""Archives of public data sets: used where they lie, else downloaded; never used when their checksum is another."""

import os
import socket
from pathlib import Path

from torchvision.datasets.utils import calculate_md5, check_integrity, download_url

from sparse_topology.job import InputError

SILENCE = 60  # seconds without a byte after which a download is given up


def obtain(data_dir, filename: str, url: str, md5: str) -> Path:
    """Return `data_dir/filename`, downloaded with a progress bar if it is not there.

    A download gets its name only once its checksum is right; one that was interrupted starts again. A file that the
    user put there is never overwritten: with another checksum it is refused.
    """
    path = Path(data_dir) / filename
    if path.exists():
        found = calculate_md5(path)
        if found != md5:
            raise InputError(f"{path} is truncated or altered: its MD5 is {found}, not {md5}; replace or delete it")
        return path
    part = path.with_name(f".{filename}.part")
    part.unlink(missing_ok=True)  # what a killed download left
    print(f"downloading {url} to {path}")
    socket.setdefaulttimeout(SILENCE)
    try:
        download_url(url, path.parent, part.name)
        if not check_integrity(part, md5):
            raise RuntimeError(f"what came has MD5 {calculate_md5(part)} and {part.stat().st_size} bytes")
    except (OSError, RuntimeError) as error:  # OSError: no network, no such host, no permission, disk full
        part.unlink(missing_ok=True)
        raise InputError(
            f"data_dir: cannot download {url} ({error}); put the file there by hand as {path.absolute()} (MD5 {md5})"
        ) from error
    os.replace(part, path)
    return path
