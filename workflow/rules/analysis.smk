# The paper's tables and the second look, from the pool of a study or of the authors' published data. `{pool}` is empty
# for the study and `published/` for the published data: the same scripts make both.

POOL = "results/{pool}topometrics.parquet"
LAYERS = "results/{pool}layers.parquet"
TABLE = "results/{pool}tables"


rule table_accuracy:
    input:
        pool=POOL,
    output:
        TABLE + "/accuracy.csv",
    params:
        code=lambda w: code_hash("table_accuracy.py"),
    log:
        "results/logs/{pool}table_accuracy.log",
    benchmark:
        "results/benchmarks/{pool}table_accuracy.tsv"
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    script:
        "../scripts/table_accuracy.py"


rule table_regression:
    input:
        pool=POOL,
    output:
        TABLE + "/regression.csv",
    params:
        cfg={"repetitions": 100, "bootstrap": 1000} | study.options("regression"),
        code=lambda w: code_hash("table_regression.py"),
    log:
        "results/logs/{pool}table_regression.log",
    benchmark:
        "results/benchmarks/{pool}table_regression.tsv"
    threads: 1
    resources:
        mem_mb=rising(2000),
        runtime=120,
    script:
        "../scripts/table_regression.py"


rule table_importance:
    input:
        pool=POOL,
    output:
        TABLE + "/importance.csv",
    params:
        cfg={"bootstrap": study.options("ranking").get("bootstrap", 1000)},
        code=lambda w: code_hash("table_importance.py"),
    log:
        "results/logs/{pool}table_importance.log",
    benchmark:
        "results/benchmarks/{pool}table_importance.tsv"
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=30,
    script:
        "../scripts/table_importance.py"


rule table_ranking:
    input:
        pool=POOL,
    output:
        TABLE + "/ranking.csv",
    params:
        cfg={"bootstrap": 1000, "missing": "last"} | study.options("ranking"),
        code=lambda w: code_hash("table_ranking.py"),
    log:
        "results/logs/{pool}table_ranking.log",
    benchmark:
        "results/benchmarks/{pool}table_ranking.tsv"
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=30,
    script:
        "../scripts/table_ranking.py"


rule table_layers:
    input:
        layers=LAYERS,
    output:
        profile=TABLE + "/layers.csv",
        correlation=TABLE + "/layer_correlation.csv",
    params:
        code=lambda w: code_hash("table_layers.py"),
    log:
        "results/logs/{pool}table_layers.log",
    benchmark:
        "results/benchmarks/{pool}table_layers.tsv"
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    script:
        "../scripts/table_layers.py"
