"""What is wrong with a file of settings is said in one line that names it, whoever reads it first."""

import subprocess
import sys

import pytest
from config_error import ConfigError
from configfiles import check_command, check_files
from conftest import REPO

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 9)
)

FAULTS = {
    "the key twice": (
        b"seeds: [0]\ndata_dir: data\nseeds: [1]",
        "line 3: the key 'seeds' is there twice; first in line 1",
    ),
    "a nested key twice": (b"training: {digits: {epochs: 3, epochs: 5}}", "line 1: the key 'epochs' is there twice"),
    "the key twice in JSON": (b'{"seeds": [0], "seeds": [1]}', "the key 'seeds' is there twice"),
    "nothing": (b"", "is empty; leave it out for the default study"),
    "a comment": (b"# seeds: [0]\n", "is empty"),
    "null": (b"~", "is empty"),
    "a list": (b"- 1", "holds '- 1'; allowed: settings"),
    "two documents": (b"seeds: [0]\n---\nseeds: [1]", "line 2: is no YAML"),
    "an open bracket": (b"seeds: [0", "line 1: is no YAML"),
    "a tab": (b"training:\n\tdigits: {}", "line 2: is no YAML"),
    "Latin-1": (b'data_dir: "caf\xe9"', "byte 15 is not UTF-8 (invalid continuation byte); save it as UTF-8"),
    "UTF-16": ("seeds: [0]".encode("utf-16"), "is not UTF-8"),
    "a null character": (b"seeds: [0]\0", "is no YAML: unacceptable character"),
    "an anchor in itself": (b"options: &a {er: *a}", "line 1: the anchor holds an alias of itself"),
    "a bomb": (BOMB.encode(), "its aliases stand for more than 100,000 values"),
    "too deep": (b"seeds: " + b"[" * 1500, "is nested too deeply"),
    "a list as a key": (b"? [1, 2]\n: 3", "line 1: is no YAML: found unhashable key"),
    "no date": (b"data_dir: 2024-13-01", "is no YAML: month must be in 1..12"),
    "code": (b"data_dir: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "5,000 digits": (b"seeds: [" + b"1" * 5000 + b"]", "is no YAML: Exceeds the limit"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(tmp_path, fault):
    content, part = FAULTS[fault]
    (tmp_path / "my.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        check_files([tmp_path / "my.yaml"])
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/my.yaml")
    assert part in message
    assert "\n" not in message
    assert len(message) < 500


def test_what_is_fine(tmp_path):
    aliases = "training: {cifar10: &a {epochs: 2}, cifar100: *a, digits: {<<: *a, epochs: 3}}"
    for k, text in enumerate((aliases, '{"seeds": [0]}', "\ufeffseeds: [0]", "{}", '{\n\t"seeds": [0]\n}')):
        (tmp_path / f"{k}.yaml").write_text(text, encoding="utf-8")
    files = sorted(tmp_path.iterdir())
    check_files([*files, REPO / "config" / "config.yaml", REPO / "config" / "paper.yaml"])
    assert check_command(["--cores", "1", "--configfile", *map(str, files), "--", "rank"]) is None
    assert check_command(["--config", "seeds=1"]) is None  # no abbreviation of --configfile
    assert check_command(["--configfile"]) is None  # Snakemake says so
    assert check_command(["--configfile=nowhere.yaml"]).startswith("Error in the config: nowhere.yaml: cannot be read")
    message = check_command(["--configfile", str(files[0]), "external"])
    assert message.startswith("Error in the config: external: cannot be read")
    assert message.endswith("; targets stand before --configfile, or after --")


def test_snakemake_does_not_open_the_file_first(tmp_path):
    """It would answer with a traceback."""
    (tmp_path / "my.yaml").write_bytes(FAULTS["Latin-1"][0])
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--configfile", str(tmp_path / "my.yaml")]
    run = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert run.returncode != 0
    assert run.stderr.splitlines()[-1].startswith(f"Error in the config: {tmp_path}/my.yaml: byte 15 is not UTF-8")
    assert "Traceback" not in run.stderr
