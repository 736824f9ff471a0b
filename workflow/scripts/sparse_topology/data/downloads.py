"""Public data, downloaded: whole and with the known checksum, or not at all."""

import time
from pathlib import Path

import pooch
from requests import HTTPError, RequestException

from sparse_topology.files import atomic
from sparse_topology.job import InputError

ATTEMPTS = 4
PAUSE = 5.0  # seconds before the second attempt; twice, three times as long before the next ones
SILENCE = 60  # seconds without a byte after which an attempt is given up
EVERY = 5.0  # seconds between two lines about a download at least


class NotDownloaded(Exception):
    """The reason why a file could not be downloaded. Nothing was kept of it."""


class Progress:
    """What pooch tells a progress bar, as lines that a log can hold. start: bytes that an earlier attempt has left."""

    def __init__(self, start: int = 0, clock=time.monotonic):
        self.start, self.total, self.done, self.clock, self.last = start, 0, 0, clock, clock()

    def update(self, size: int) -> None:
        self.done += size
        if self.clock() - self.last >= EVERY:
            self.last = self.clock()
            done = self.start + (min(self.done, self.total) if self.total else self.done)
            print(f"{done / 1e6:.1f}" + (f" of {(self.start + self.total) / 1e6:.1f} MB" if self.total else " MB"))

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


def download(url: str, path, checksum: str) -> None:
    """Write what is behind `url` to `path`, over what is there. checksum: `<hashlib's name>:<hexadecimal digits>`.

    Network faults are tried again, what a server refuses for good (404, ...) is not. A download that broke off, also in
    a run that was killed, goes on where it was if the server can do that. The file gets its name only once it is
    complete and its checksum is right. NotDownloaded otherwise; OSError where it cannot be written.
    """
    algorithm, expected = checksum.split(":")
    with atomic(path) as part:
        left = part.exists()
        fetch(url, part)
        found = pooch.file_hash(part, alg=algorithm)
        if found != expected and left:
            print(f"{url}: does not fit what an earlier run has left of it; once more from the beginning")
            part.unlink()
            fetch(url, part)
            found = pooch.file_hash(part, alg=algorithm)
        if found != expected:
            name = {"md5": "MD5", "sha256": "SHA-256"}[algorithm]
            raise NotDownloaded(f"what came has {name} {found} and {part.stat().st_size} bytes")


def fetch(url: str, part: Path) -> None:
    """Complete `part`, in several attempts if need be."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            fetch_rest(url, part)
            return
        except RequestException as error:
            if attempt == ATTEMPTS or is_final(error):
                raise NotDownloaded(reason(error)) from error
            print(f"{url}: {reason(error)}; trying again with {part.stat().st_size} bytes kept")
            time.sleep(PAUSE * attempt)


def fetch_rest(url: str, part: Path) -> None:
    """One attempt: append to `part` what is missing of it, or write all of it if the server does not know ranges."""
    kept = part.stat().st_size if part.exists() else 0
    progress = Progress(kept)
    # identity: a server that compresses on the way would hide the number of bytes, and some unpack .gz files.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={kept}-"} if kept else {})
    with open(part, "ab") as file:

        def start_over(response, **_):
            if response.status_code in (200, 416):  # all of it comes, or the server has no such range
                file.truncate(0)
                progress.start = 0

        fetcher = pooch.HTTPDownloader(progress, timeout=SILENCE, headers=headers, hooks={"response": start_over})
        fetcher(url, file, None)


def checksums(path) -> dict[str, str]:
    """{relative path: SHA-256} from lines `<sha256>  <path>`."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}


def is_final(error: RequestException) -> bool:
    """Whether trying again is no use: an address that cannot be right, or that the server does not have."""
    if isinstance(error, HTTPError):
        return 400 <= error.response.status_code < 500 and error.response.status_code not in (408, 416, 429)
    return isinstance(error, ValueError)  # requests: the address itself is malformed


def reason(error: RequestException) -> str:
    """What went wrong, without the address that requests and urllib3 say again ("HTTPSConnection(host=...): ...")."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return str(cause or error).rpartition("): ")[2]


def obtain(data_dir, filename: str, url: str, md5: str) -> Path:
    """`data_dir/filename`, an archive of a data set: used if it lies there, else downloaded.

    A file that the user put there is never overwritten: with another checksum it is refused (InputError).
    """
    path = Path(data_dir) / filename
    if path.exists():
        found = pooch.file_hash(path, alg="md5")
        if found != md5:
            raise InputError(f"{path} is truncated or altered: its MD5 is {found}, not {md5}; replace or delete it")
        return path
    print(f"downloading {url} to {path}")
    try:
        download(url, path, f"md5:{md5}")
    except (NotDownloaded, OSError) as error:  # OSError: no permission, disk full
        raise InputError(
            f"data_dir: cannot download {url} ({error}); put the file there by hand as {path.absolute()} (MD5 {md5})"
        ) from error
    return path
