"""An estimate of the time that is left, after Snakemake's "x of y steps (z%) done"."""

import logging
import time

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

EVERY = 15  # seconds between two estimates at least


class Estimate(logging.Filter):
    """Adds a line to the log at the pace of the jobs that this run has finished; changes no record."""

    def __init__(self, clock=time.monotonic):
        super().__init__()
        self.clock, self.start, self.last = clock, clock(), clock()

    def filter(self, record) -> bool:
        if getattr(record, "event", None) == LogEvent.PROGRESS:
            now = self.clock()
            if record.done < record.total and now - self.last >= EVERY:
                self.last = now
                left = (now - self.start) / record.done * (record.total - record.done)
                logger.info(f"About {duration(left)} left at the pace of the steps done so far.")
        return True


def duration(seconds: float) -> str:
    """Two figures of it: 40 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def show_estimates() -> None:
    if not any(isinstance(found, Estimate) for found in logger.filters):
        logger.addFilter(Estimate())
