"""A real Slurm on this machine, started and stopped by the test: one controller, one node, no accounting."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

CONF = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.pid
SlurmctldLogFile={root}/slurmctld.log
SlurmdLogFile={root}/slurmd.log
NodeName=localhost NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=6 RealMemory=200000 Gres=gpu:12
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""
HOME = Path("/etc/slurm")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scancel")


def missing() -> list[str]:
    """The programs that are not installed."""
    return [name for name in PROGRAMS if not (shutil.which(name) or Path("/usr/sbin", name).exists())]


class NotHere(RuntimeError):
    """Why this machine cannot run a Slurm of our own."""


@contextmanager
def cluster(root: Path):
    """Start munge and Slurm under `root`; yields the environment in which sbatch finds them, and where slurmd logs."""
    for name in ("state", "spool"):
        (root / name).mkdir()
    (root / "slurm.conf").write_text(CONF.format(root=root))
    (root / "gres.conf").write_text(f"NodeName=localhost Name=gpu File={root}/gpu[0-11]\n")
    for k in range(12):
        (root / f"gpu{k}").touch()
    # Steps inside a job are started without SLURM_CONF, so the configuration has to be where Slurm looks by itself.
    if (HOME / "slurm.conf").is_file():
        raise NotHere(f"{HOME} already configures a Slurm of this machine")
    HOME.mkdir(exist_ok=True)
    for name in ("slurm.conf", "gres.conf"):
        (HOME / name).unlink(missing_ok=True)
        (HOME / name).symlink_to(root / name)
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin", "SLURMD_LOG": str(root / "slurmd.log")}
    munge, daemons = None, []
    try:
        munge = _start_munge()
        for daemon in (["slurmctld", "-D"], ["slurmd", "-D", "-N", "localhost"]):
            daemons.append(subprocess.Popen(daemon, env=environment, stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + 60
        while "idle" not in output(["sinfo", "-h", "-o", "%T"], environment):
            if time.monotonic() > deadline:
                raise RuntimeError((root / "slurmctld.log").read_text()[-2000:])
            time.sleep(0.2)
        yield environment
    finally:
        if daemons:
            output(["scancel", "--user=root"], environment)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)
        if munge:
            munge.terminate()
        for name in ("slurm.conf", "gres.conf"):
            (HOME / name).unlink()


def _start_munge():
    """munged as its own user, unless one is running."""
    run = Path("/run/munge")
    if subprocess.run(["munge", "-n"], capture_output=True).returncode == 0:
        return None
    run.mkdir(exist_ok=True)
    shutil.chown(run, "munge", "munge")
    key = Path("/etc/munge/munge.key")
    if not key.exists():
        key.write_bytes(os.urandom(1024))
        shutil.chown(key, "munge", "munge")
        key.chmod(0o400)
    daemon = subprocess.Popen(["runuser", "-u", "munge", "--", "munged", "--foreground"], stderr=subprocess.DEVNULL)
    for _ in range(100):
        if subprocess.run(["munge", "-n"], capture_output=True).returncode == 0:
            return daemon
        time.sleep(0.1)
    raise NotHere("munged does not answer")


def output(command, environment) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout
