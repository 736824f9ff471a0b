# The paper's tables and the second look, from the pool of a study or of the authors' published data. `{pool}` is empty
# for the study and `published/` for the published data: the same scripts make both.


include: "functions/analysis.smk"


POOL = "results/{pool}topometrics.parquet"
LAYERS = "results/{pool}layers.parquet"
TABLE = "results/{pool}tables"


# The tables that are one file and need nothing but the pool.
rule table:
    input:
        pool=POOL,
    output:
        report(f"{TABLE}/{{table}}.csv", caption="../report/caption.rst.jinja", category="Tables"),
    log:
        "results/logs/{pool}table_{table}.log",
    benchmark:
        "results/benchmarks/{pool}table_{table}.tsv"
    wildcard_constraints:
        table="accuracy|importance|ranking|controls",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=30,
    params:
        cfg=table_cfg,
        caption=caption,
        code=lambda w: code_hash(f"table_{w.table}.py"),
    script:
        "../scripts/table_{wildcards.table}.py"


rule table_regression:
    input:
        pool=POOL,
    output:
        regression=f"{TABLE}/regression.csv",
        predictions=f"{TABLE}/predictions.csv",
    log:
        "results/logs/{pool}table_regression.log",
    benchmark:
        "results/benchmarks/{pool}table_regression.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=120,
    params:
        cfg=lambda w: analysis_cfg(w, "regression"),
        code=lambda w: code_hash("table_regression.py"),
    script:
        "../scripts/table_regression.py"


# The published tables are the paper's; only here does all that was released take part.
rule table_families:
    input:
        pool=lambda w: rules.published_pool.output.release if w.pool else POOL.format(pool=w.pool),
    output:
        f"{TABLE}/families.csv",
    log:
        "results/logs/{pool}table_families.log",
    benchmark:
        "results/benchmarks/{pool}table_families.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=60,
    params:
        cfg=lambda w: {"bootstrap": analysis_cfg(w, "regression")["bootstrap"]},
        code=lambda w: code_hash("table_families.py"),
    script:
        "../scripts/table_families.py"


rule table_layers:
    input:
        layers=LAYERS,
    output:
        profile=f"{TABLE}/layers.csv",
        correlation=f"{TABLE}/layer_correlation.csv",
    log:
        "results/logs/{pool}table_layers.log",
    benchmark:
        "results/benchmarks/{pool}table_layers.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("table_layers.py"),
    script:
        "../scripts/table_layers.py"


rule table_redundancy:
    input:
        pool=POOL,
    output:
        redundancy=f"{TABLE}/redundancy.csv",
        correlation=f"{TABLE}/metric_correlation.csv",
    log:
        "results/logs/{pool}table_redundancy.log",
    benchmark:
        "results/benchmarks/{pool}table_redundancy.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("table_redundancy.py"),
    script:
        "../scripts/table_redundancy.py"


rule table_mask_history:
    input:
        records=[network_record(n)["training"] for n in study.evolved],
        masks=[network_record(n)["mask"] for n in study.evolved],
    output:
        history=report("results/tables/mask_history.csv", caption="../report/mask_history.rst", category="Tables"),
        exploration=report("results/tables/exploration.csv", caption="../report/exploration.rst", category="Tables"),
    log:
        "results/logs/table_mask_history.log",
    benchmark:
        "results/benchmarks/table_mask_history.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        networks=[network_record(n) for n in study.evolved],
        code=lambda w: code_hash("table_mask_history.py"),
    script:
        "../scripts/table_mask_history.py"


rule table_paper_comparison:
    input:
        paper_tables=local(f"{WORKFLOW}/resources/paper-tables.csv"),
        paper_accuracy=local(f"{WORKFLOW}/resources/paper-accuracy.csv"),
        accuracy=f"{TABLE}/accuracy.csv",
        regression=f"{TABLE}/regression.csv",
        ranking=f"{TABLE}/ranking.csv",
    output:
        report(f"{TABLE}/paper_comparison.csv", caption="../report/paper_comparison.rst", category="Tables"),
    log:
        "results/logs/{pool}table_paper_comparison.log",
    benchmark:
        "results/benchmarks/{pool}table_paper_comparison.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("table_paper_comparison.py"),
    script:
        "../scripts/table_paper_comparison.py"


rule table_pool_comparison:
    input:
        recomputed="results/topometrics.parquet",
        published="results/published/topometrics.parquet",
    output:
        "results/tables/pool_comparison.csv",
    log:
        "results/logs/table_pool_comparison.log",
    benchmark:
        "results/benchmarks/table_pool_comparison.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("table_pool_comparison.py"),
    script:
        "../scripts/table_pool_comparison.py"
