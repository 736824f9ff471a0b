# The authors' released per-network results, brought into the pool's schema; the tables come from analysis.smk.


include: "functions/published.smk"


PUBLISHED = (
    "https://raw.githubusercontent.com/eliacunegatti/mge-snn/02ba1eb7c9751ec92f3e0cfa76193b32b16cd32b/graph_data"
)
CHECKSUMS = f"{WORKFLOW}/resources/published-sha256.txt"
PUBLISHED_FOLDER = study.config.get("published", {}).get("path", "results/published/download")


# Runs where the command runs: nodes of a cluster often have no internet.
rule published_download:
    input:
        checksums=local(CHECKSUMS),
    output:
        published_files("results/published/download"),
    log:
        "results/logs/published/download.log",
    benchmark:
        "results/benchmarks/published/download.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=60,
    params:
        address=PUBLISHED,
        code=lambda w: code_hash("published_download.py"),
    script:
        "../scripts/published_download.py"


rule published_pool:
    input:
        files=published_sources(),
        checksums=[] if "path" in study.config.get("published", {}) else local(CHECKSUMS),
        paper_accuracy=local(f"{WORKFLOW}/resources/paper-accuracy.csv"),
    output:
        topometrics="results/published/topometrics.parquet",
        layers="results/published/layers.parquet",
        release="results/published/release.parquet",
    log:
        "results/logs/published/pool.log",
    benchmark:
        "results/benchmarks/published/pool.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=30,
    params:
        contents=published_digest,
        scoring=lambda w: files_digest({"parameters": PATH_SCORE}),
        path_score=lambda w, output: PATH_SCORE,
        cfg={"divisors": study.divisors(study.published_metrics)},
        code=lambda w: code_hash("published_pool.py"),
    script:
        "../scripts/published_pool.py"


rule rank_evaluate:
    input:
        pool="results/published/topometrics.parquet",
        layers="results/published/layers.parquet",
    output:
        cells="results/published/tables/rank_evaluation_cells.csv",
        summary="results/published/tables/rank_evaluation.csv",
    log:
        "results/logs/published/rank_evaluate.log",
    benchmark:
        "results/benchmarks/published/rank_evaluate.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=30,
    params:
        cfg={"weighted": study.weighted(study.published_metrics)},
        code=lambda w: code_hash("rank_evaluate.py"),
    script:
        "../scripts/rank_evaluate.py"


# What `rank` learned; workflow/resources/importance.csv is this file, and a test compares them.
rule rank_importance:
    input:
        pool="results/published/topometrics.parquet",
    output:
        "results/published/tables/rank_importance.csv",
    log:
        "results/logs/published/rank_importance.log",
    benchmark:
        "results/benchmarks/published/rank_importance.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=30,
    params:
        cfg={"weighted": study.weighted(study.published_metrics)},
        code=lambda w: code_hash("rank_importance.py"),
    script:
        "../scripts/rank_importance.py"


# The fitted parameters of the path score; workflow/resources/path-score.csv is this file, and a test compares them.
rule rank_parameters:
    input:
        pool="results/published/topometrics.parquet",
        layers="results/published/layers.parquet",
    output:
        "results/published/tables/rank_parameters.csv",
    log:
        "results/logs/published/rank_parameters.log",
    benchmark:
        "results/benchmarks/published/rank_parameters.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=30,
    params:
        code=lambda w: code_hash("rank_parameters.py"),
    script:
        "../scripts/rank_parameters.py"


rule findings:
    input:
        paper_comparison="results/published/tables/paper_comparison.csv",
        regression="results/published/tables/regression.csv",
        redundancy="results/published/tables/redundancy.csv",
        importance="results/published/tables/importance.csv",
        layer_correlation="results/published/tables/layer_correlation.csv",
        ranking="results/published/tables/ranking.csv",
        rank_evaluation="results/published/tables/rank_evaluation.csv",
    output:
        "results/published/findings.md",
    log:
        "results/logs/published/findings.log",
    benchmark:
        "results/benchmarks/published/findings.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        cfg={"title": "A second look at the published results"},
        code=lambda w: code_hash("findings.py"),
    script:
        "../scripts/findings.py"


# The release has no masks. What the page draws are masks of two of its algorithms, made here, which need no image: the
# network is built for CIFAR-10's shape and classes.


use rule geometry as published_geometry with:
    input:
        info=local(f"{WORKFLOW}/resources/cifar10.json"),
    output:
        geometry=f"{DRAWN}/geometry.npz",
    log:
        "results/logs/published/geometry.log",
    benchmark:
        "results/benchmarks/published/geometry.tsv"
    params:
        cfg={
            "architecture": DRAWN_ARCHITECTURE,
            "architecture_options": {},
            **traced(study.defaults("mge")),
        },
        code=code_hash("geometry.py", architecture_code(SimpleNamespace(architecture=DRAWN_ARCHITECTURE))),


use rule init as published_init with:
    input:
        info=local(f"{WORKFLOW}/resources/cifar10.json"),
    output:
        model=f"{DRAWN}/model.pt",
    log:
        "results/logs/published/init.log",
    benchmark:
        "results/benchmarks/published/init.tsv"
    params:
        cfg={"architecture": DRAWN_ARCHITECTURE, "architecture_options": {}, "seed": 0},
        code=code_hash("init.py", architecture_code(SimpleNamespace(architecture=DRAWN_ARCHITECTURE))),


use rule prune as published_prune with:
    input:
        init=rules.published_init.output.model,
    output:
        mask=f"{DRAWN}/{{pruning}}/mask.npz",
    log:
        "results/logs/published/prune_{pruning}.log",
    benchmark:
        "results/benchmarks/published/prune_{pruning}.tsv"
    wildcard_constraints:
        pruning=any_of(DRAWN_ALGORITHMS),
    resources:
        mem_mb=rising(2000),
        runtime=10,
        gpu=0,
    params:
        cfg={"sparsity": float(DRAWN_SPARSITY), "seed": 0},
        code=lambda w: code_hash(f"prune_{w.pruning}.py"),


use rule encode as published_encode with:
    input:
        geometry=rules.published_geometry.output.geometry,
        model=rules.published_init.output.model,
        mask=rules.published_prune.output.mask,
    output:
        mge_blocks=f"{DRAWN}/{{pruning}}/blocks.npz",
    log:
        "results/logs/published/encode_{pruning}.log",
    benchmark:
        "results/benchmarks/published/encode_{pruning}.tsv"
    resources:
        mem_mb=rising(4000),
        runtime=30,
    params:
        cfg={"weight_names": False},
        code=code_hash("encode.py"),


use rule figure_graph as published_figure_graph with:
    input:
        geometry=rules.published_geometry.output.geometry,
        blocks=rules.published_encode.output.mge_blocks,
    output:
        report(PUBLISHED_DRAWING, caption="../report/graphs.rst", category="Graphs"),
    log:
        "results/logs/published/figure_graph_{pruning}.log",
    benchmark:
        "results/benchmarks/published/figure_graph_{pruning}.tsv"
    params:
        network=lambda w: published_network(w.pruning),
        code=code_hash("figure_graph.py"),
