"""Snakemake's limit of the jobs that it starts in a second, which costs more time than it is worth."""


def lift_default_rate_limit(scheduler) -> None:
    """Take the default limit, 100 jobs a second, away from a JobScheduler; any other, which was asked for, stays.

    For the limit, every job that ends starts a timer that looks through all waiting jobs once a second until none
    waits: the cost grows with the square of the number of jobs (docs/cluster.md).
    """
    limit = getattr(scheduler, "job_rate_limiter", None)
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        scheduler.job_rate_limiter = None
