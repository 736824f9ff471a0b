"""What Snakemake's log does not say by itself: how much time is left, and how to repeat just a job that failed."""

import logging
import shlex
import time
from datetime import timedelta
from pathlib import Path

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

EVERY = 15  # seconds between two estimates at least
STOPPED = "Terminating processes on user request"  # what Snakemake logs at Ctrl-C


class Progress(logging.Filter):
    """Adds an estimate, at the pace of the jobs that this run has finished, after "x of y steps (z%) done", and the
    command that repeats it to the description of a failed job. After Ctrl-C, leaves out that the stopped jobs failed.
    snakemake: the command without its targets.
    """

    def __init__(self, snakemake: str = "snakemake --cores 1", clock=time.monotonic):
        super().__init__()
        self.snakemake, self.clock, self.start, self.last = snakemake, clock, clock(), clock()
        self.stopped = False

    def filter(self, record) -> bool:
        event = getattr(record, "event", None)
        self.stopped = self.stopped or str(record.msg).startswith(STOPPED)
        if self.stopped and record.levelno >= logging.ERROR:
            return False  # that every job failed, which nobody asked: they were stopped
        if event == LogEvent.JOB_ERROR and record.output:
            record.aux = {**record.aux, "repeat it": f"{self.snakemake} -- {record.output[0]}"}
        if event == LogEvent.PROGRESS:
            now = self.clock()
            if record.done < record.total and now - self.last >= EVERY:
                self.last = now
                left = (now - self.start) / record.done * (record.total - record.done)
                logger.info(f"About {timedelta(seconds=round(left, -1))} left at the pace of the steps done so far.")
        return True


def show_progress(settings, directory=None) -> None:
    """settings, directory: Snakemake's ConfigSettings and --directory, which the command of a failed job repeats."""
    command, files = ["snakemake", "--cores", "1"], settings.configfiles
    if directory:  # the command is typed elsewhere than in the working folder
        command += ["--directory", str(directory)]
    else:
        here = Path.cwd()
        files = [path.relative_to(here) if path.is_relative_to(here) else path for path in files]
    if files:
        command += ["--configfile", *map(str, files)]
    if settings.config_args:
        command += ["--config", *settings.config_args]
    if not any(isinstance(found, Progress) for found in logger.filters):
        logger.addFilter(Progress(shlex.join(command)))
