"""Downloads from a server on this machine: cut off, altered, missing, tried again, killed; never half a file."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import REPO

from helpers.web import serving
from sparse_topology.data import downloads
from sparse_topology.job import InputError

CONTENT = os.urandom(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE", 0.0)


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / "web") as server:
        (tmp_path / "web" / "set.zip").write_bytes(CONTENT)
        yield server


def test_a_file_comes_whole_and_nothing_else_is_left(server, tmp_path):
    target = tmp_path / "data" / "set.zip"
    downloads.download(f"{server.url}/set.zip", target, SHA256)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("fault", ["cut", 503, 429])
def test_a_fault_of_the_network_is_tried_again(server, tmp_path, capsys, fault):
    server.faults = [fault] * (downloads.ATTEMPTS - 1)
    downloads.download(f"{server.url}/set.zip", tmp_path / "set.zip", SHA256)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert capsys.readouterr().out.count("trying again") == downloads.ATTEMPTS - 1


def test_a_download_that_broke_off_goes_on_where_the_server_can(tmp_path):
    with serving(tmp_path / "web", ranges=True) as server:
        (tmp_path / "web" / "set.zip").write_bytes(CONTENT)
        server.faults = ["cut", 503, "cut"]
        downloads.download(f"{server.url}/set.zip", tmp_path / "set.zip", SHA256)
        # Of what came before the line was cut, up to one of pooch's chunks of 1,024 bytes is asked for again.
        assert server.sent == pytest.approx([150_000, 75_000, 75_000], abs=2 * 1024)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT


@pytest.mark.parametrize(("left", "sent"), [(CONTENT[:100_000], [200_000]), (b"older" * 20_000, [200_000, 300_000])])
def test_what_a_killed_run_has_left_is_gone_on_with_if_it_fits(tmp_path, left, sent):
    (tmp_path / ".set.zip.tmp").write_bytes(left)
    with serving(tmp_path / "web", ranges=True) as server:
        (tmp_path / "web" / "set.zip").write_bytes(CONTENT)
        downloads.download(f"{server.url}/set.zip", tmp_path / "set.zip", SHA256)
        assert server.sent == sent
    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert not (tmp_path / ".set.zip.tmp").exists()


def test_a_file_that_has_become_shorter_is_asked_for_anew(tmp_path):
    with serving(tmp_path / "web", ranges=True) as server:
        (tmp_path / "web" / "set.zip").write_bytes(CONTENT)
        part = tmp_path / "part"
        part.write_bytes(CONTENT + b"more")
        with pytest.raises(downloads.HTTPError, match="416") as error:
            downloads.fetch_rest(f"{server.url}/set.zip", part)
        assert not downloads.is_final(error.value)
        downloads.fetch_rest(f"{server.url}/set.zip", part)
        assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("fault", ["cut", 503])
def test_after_the_last_attempt_nothing_is_kept(server, tmp_path, fault):
    server.faults = [fault] * downloads.ATTEMPTS
    with pytest.raises(downloads.NotDownloaded, match=r"150000 bytes read|503"):
        downloads.download(f"{server.url}/set.zip", tmp_path / "data" / "set.zip", SHA256)
    assert len(server.asked) == downloads.ATTEMPTS
    assert list((tmp_path / "data").iterdir()) == []


def test_what_the_server_does_not_have_is_asked_for_once(server, tmp_path):
    with pytest.raises(downloads.NotDownloaded, match="404"):
        downloads.download(f"{server.url}/other.zip", tmp_path / "data" / "other.zip", SHA256)
    assert len(server.asked) == 1
    assert list((tmp_path / "data").iterdir()) == []


def test_another_checksum_is_refused_and_what_was_there_stays(server, tmp_path):
    (tmp_path / "set.zip").write_bytes(b"older")
    (tmp_path / "web" / "set.zip").write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(downloads.NotDownloaded, match=r"what came has SHA-256 .* and 300000 bytes"):
        downloads.download(f"{server.url}/set.zip", tmp_path / "set.zip", SHA256)
    assert (tmp_path / "set.zip").read_bytes() == b"older"
    assert len(server.asked) == 1


def test_an_archive_that_is_there_needs_no_network(server, tmp_path):
    (tmp_path / "set.zip").write_bytes(CONTENT)
    assert downloads.obtain(tmp_path, "set.zip", f"{server.url}/set.zip", MD5) == tmp_path / "set.zip"
    assert server.asked == []


def test_an_archive_that_is_altered_is_refused_and_left_alone(server, tmp_path):
    (tmp_path / "set.zip").write_bytes(CONTENT[:-50])
    with pytest.raises(InputError, match=r"set\.zip is truncated or altered: its MD5 is"):
        downloads.obtain(tmp_path, "set.zip", f"{server.url}/set.zip", MD5)
    assert (tmp_path / "set.zip").read_bytes() == CONTENT[:-50]
    assert server.asked == []


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder in which even root cannot write")
def test_a_folder_that_cannot_be_written_to_is_named(server):
    with pytest.raises(InputError, match=r"put the file there by hand as /proc/self/set\.zip"):
        downloads.obtain("/proc/self", "set.zip", f"{server.url}/set.zip", MD5)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/{}/set.zip", "http://no.such.host.invalid/{}/set.zip", "ftp:/{}"])
def test_without_a_network_the_message_is_one_line_that_says_where_to_put_the_file(tmp_path, url):
    url = url.format("a" * 60)
    with pytest.raises(InputError) as error:
        downloads.obtain(tmp_path / "data", "set.zip", url, MD5)
    message = str(error.value)
    assert url in message
    assert str(tmp_path / "data" / "set.zip") in message
    assert MD5 in message
    assert "\n" not in message
    assert len(message) < 500


def test_a_killed_download_leaves_no_file_of_that_name(server, tmp_path):
    """SIGKILL before the checksum is known to be right; the next download takes its place."""
    wanted = tmp_path / "data" / "set.zip"
    code = "import sys; from sparse_topology.data import downloads; downloads.download(*sys.argv[1:])"
    hold = "import pooch, time; write = pooch.HTTPDownloader.__call__\n"
    hold += "pooch.HTTPDownloader.__call__ = lambda *a, **k: (write(*a, **k), time.sleep(60))\n"
    arguments = [sys.executable, "-c", hold + code, f"{server.url}/set.zip", str(wanted), SHA256]
    environment = {**os.environ, "PYTHONPATH": str(REPO / "workflow" / "scripts")}
    process = subprocess.Popen(arguments, env=environment)
    deadline = time.monotonic() + 60
    while not (wanted.parent.is_dir() and any(file.stat().st_size for file in wanted.parent.iterdir())):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = list(wanted.parent.iterdir())
    assert len(left) == 1
    assert left[0] != wanted
    downloads.download(f"{server.url}/set.zip", wanted, SHA256)
    assert list(wanted.parent.iterdir()) == [wanted]
    assert wanted.read_bytes() == CONTENT


def test_progress_is_a_line_now_and_then(capsys):
    now = [0.0]
    progress = downloads.Progress(clock=lambda: now[0])
    progress.total = 200_000_000
    progress.update(1_000_000)
    assert capsys.readouterr().out == ""
    now[0] = downloads.EVERY
    progress.update(1_000_000)
    progress.update(1_000_000)
    assert capsys.readouterr().out == "2.0 of 200.0 MB\n"
    progress = downloads.Progress(50_000_000, clock=lambda: now[0])
    progress.total = 150_000_000
    now[0] *= 2
    progress.update(1_000_000)
    assert capsys.readouterr().out == "51.0 of 200.0 MB\n"
