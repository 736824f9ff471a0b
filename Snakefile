# The front door: reads and checks the config, includes one rule file per stage, names the targets.
import atexit
import gc
import sys
from os.path import relpath
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# When it ends, Python looks through all objects for garbage: a tenth of the CPU time of a dry run of 16,000 jobs.
atexit.register(gc.freeze)


# Where this file lies, also where another workflow uses it as a module.
HERE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))


if {"{", "}"} & set(str(HERE)):
    sys.exit(f"Error: Snakemake takes the braces in the name of the folder {str(HERE)!r} for wildcards; rename it")
sys.path.insert(0, str(HERE / "workflow"))
from codehash import beside, code_hash
from config_error import ConfigError
from configfiles import check_files
from contents import files_digest, folder_digest
from keep import keep_other_study
from progress import show_progress
from rate_limit import lift_default_rate_limit
from study import Study, with_defaults

DEFAULT = relpath(HERE / "config" / "config.yaml")
try:
    check_files([DEFAULT, *workflow.overwrite_configfiles])
except ConfigError as error:
    sys.exit(f"Error in the config: {error}")


configfile: DEFAULT


try:
    study = Study(with_defaults(config))
except ConfigError as error:
    sys.exit(f"Error in the config: {error}")


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/pruning.smk"
include: "workflow/rules/sparsify.smk"
include: "workflow/rules/controls.smk"
include: "workflow/rules/graphs.smk"
include: "workflow/rules/metrics.smk"
include: "workflow/rules/pool.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/published.smk"
include: "workflow/rules/external.smk"
include: "workflow/rules/rank.smk"


# Ctrl-C reaches the shell of a job, which ends the job with a signal that it says nothing about; Python would print a
# traceback for each. Snakemake says that the run was stopped. The shell commands of a workflow that uses this one as a
# module stay as they are.
if workflow.modifier.parent_modifier is None:
    shell.prefix("set -euo pipefail; trap 'kill $!' INT; ")
    shell.suffix("& wait $!")


onstart:
    show_progress(workflow.config_settings, workflow.overwrite_workdir)
    lift_default_rate_limit(workflow.scheduler)
    is_shown = any(placed("results/manifest.json") in job.output for job in workflow.dag.needrun_jobs())
    if is_shown and (kept := keep_other_study(Path(placed("results")), CONFIGFILES)):
        logger.info(
            f"What another study has shown here is kept in {kept}; --directory gives a study its own folder."
        )


# A target asks for every file that it promises, not only for the last ones: Snakemake does not remake an intermediate
# that a failed job lost while what was once made from it still exists. Only the Parquet edge lists may be deleted.
rule all:
    default_target: True
    input:
        analysis_products(""),
        drawings(),
        study_products(),


rule published:
    input:
        analysis_products("published/"),
        "results/published/findings.md",
        "results/published/release.parquet",
        "results/published/tables/rank_evaluation_cells.csv",
        "results/published/tables/rank_importance.csv",
        "results/published/tables/rank_parameters.csv",


rule external:
    input:
        lambda w: external_products(study.config["external"]) if study.config.get("external") else ask_for("external"),


rule edges:
    input:
        [path for network in study.networks for path in edge_lists(NETWORK.format(**network))],
        [path for network in study.own for path in edge_lists(EXTERNAL.format(**network))],
        lambda w: whole_edge_lists(),


# Has no output, so that the recommendation is printed whenever it is asked for.
rule rank:
    input:
        recommendation=lambda w: rules.rank_order.output.recommendation if study.ranked else ask_for("rank"),
        products=rank_products(),
    log:
        "results/logs/rank.log",
    localrule: True
    conda:
        "envs/workflow.yaml"
    shell:
        "tee {log} < {input.recommendation}"
