# Settings of the tables.


def analysis_cfg(wildcards, table):
    """Settings of a table: the study's; the published data always get the paper's repetitions."""
    return study.defaults(table) if wildcards.pool else study.options(table)


def weighted(wildcards):
    """The topometrics of a pool that depend on the weights."""
    return study.weighted(study.published_metrics if wildcards.pool else study.metrics)


def table_cfg(wildcards):
    """Settings of a table that is made from the pool alone."""
    settings = analysis_cfg(wildcards, "ranking")
    bootstrap = {"bootstrap": settings["bootstrap"]}
    return {
        "accuracy": {},
        "importance": bootstrap | {"weighted": weighted(wildcards)},
        "ranking": settings,
        "controls": bootstrap | {"pairs": study.control_pairs},
    }[wildcards.table]
