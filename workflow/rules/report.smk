# Figures for papers (SVG), the costs of the study, and the page that shows everything.

FIGURE = "results/{pool}figures"


rule figure_accuracy:
    input:
        table=f"{TABLE}/accuracy.csv",
    output:
        report(f"{FIGURE}/accuracy.svg", caption="../report/accuracy.rst", category="Figures"),
    log:
        "results/logs/{pool}figure_accuracy.log",
    benchmark:
        "results/benchmarks/{pool}figure_accuracy.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("figure_accuracy.py"),
    script:
        "../scripts/figure_accuracy.py"


rule figure_regression:
    input:
        table=f"{TABLE}/regression.csv",
    output:
        report(f"{FIGURE}/regression.svg", caption="../report/regression.rst", category="Figures"),
    log:
        "results/logs/{pool}figure_regression.log",
    benchmark:
        "results/benchmarks/{pool}figure_regression.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("figure_regression.py"),
    script:
        "../scripts/figure_regression.py"


rule figure_importance:
    input:
        table=f"{TABLE}/importance.csv",
    output:
        report(f"{FIGURE}/importance.svg", caption="../report/importance.rst", category="Figures"),
    log:
        "results/logs/{pool}figure_importance.log",
    benchmark:
        "results/benchmarks/{pool}figure_importance.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("figure_importance.py"),
    script:
        "../scripts/figure_importance.py"


rule figure_ranking:
    input:
        table=f"{TABLE}/ranking.csv",
    output:
        report(f"{FIGURE}/ranking.svg", caption="../report/ranking.rst", category="Figures"),
    log:
        "results/logs/{pool}figure_ranking.log",
    benchmark:
        "results/benchmarks/{pool}figure_ranking.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("figure_ranking.py"),
    script:
        "../scripts/figure_ranking.py"


rule figure_layers:
    input:
        profile=f"{TABLE}/layers.csv",
        correlation=f"{TABLE}/layer_correlation.csv",
    output:
        profile=report(f"{FIGURE}/layers.svg", caption="../report/layers.rst", category="Figures"),
        correlation=report(
            f"{FIGURE}/layer_correlation.svg", caption="../report/layer_correlation.rst", category="Figures"
        ),
    log:
        "results/logs/{pool}figure_layers.log",
    benchmark:
        "results/benchmarks/{pool}figure_layers.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("figure_layers.py"),
    script:
        "../scripts/figure_layers.py"


rule figure_scatter:
    input:
        pool=POOL,
    output:
        report(f"{FIGURE}/scatter.svg", caption="../report/scatter.rst", category="Figures"),
    log:
        "results/logs/{pool}figure_scatter.log",
    benchmark:
        "results/benchmarks/{pool}figure_scatter.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("figure_scatter.py"),
    script:
        "../scripts/figure_scatter.py"


rule figure_graph:
    input:
        geometry=rules.geometry.output.geometry,
        blocks=f"{NETWORK}/mge/blocks.npz",
    output:
        report(DRAWING, caption="../report/graphs.rst", category="Graphs"),
    log:
        "results/logs/figure_graph/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/figure_graph/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(2000),
        runtime=20,
    params:
        title=lambda w: f"{w.architecture} on {w.dataset}, {w.pruning} at sparsity {w.sparsity}",
        code=lambda w: code_hash("figure_graph.py"),
    script:
        "../scripts/figure_graph.py"


rule table_costs:
    input:
        pool="results/topometrics.parquet",
        benchmarks=benchmarks(),
        records=lambda w: rules.pool.input.training + rules.pool.input.dense,
    output:
        report("results/tables/costs.csv", caption="../report/costs.rst", category="Tables"),
    log:
        "results/logs/table_costs.log",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(1000),
        runtime=20,
    params:
        code=lambda w: code_hash("table_costs.py"),
    script:
        "../scripts/table_costs.py"


rule report:
    input:
        pool=POOL,
        tables=lambda w: [f"{TABLE}/{name}.csv".format(pool=w.pool) for name in reported_tables(w.pool)],
        manifest="results/{pool}manifest.json",
        captions=[local(str(path)) for path in sorted(Path(WORKFLOW, "report").glob("*.rst"))],
        template=local(f"{WORKFLOW}/report/page.html.jinja"),
        style=local(f"{WORKFLOW}/report/page.css"),
        script=local(f"{WORKFLOW}/report/page.js"),
        graphs=lambda w: [] if w.pool else drawings(),
    output:
        "results/{pool}report.html",
    log:
        "results/logs/{pool}report.log",
    benchmark:
        "results/benchmarks/{pool}report.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=rising(2000),
        runtime=20,
    params:
        cfg=report_cfg,
        code=lambda w: code_hash("report.py"),
    script:
        "../scripts/report.py"
