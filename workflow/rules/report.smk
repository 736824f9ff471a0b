# Figures for papers (SVG), the costs of the study, and the page that shows everything.


include: "functions/report.smk"


rule figure:
    input:
        lambda w: (POOL if w.figure == "scatter" else f"{TABLE}/{w.figure}.csv").format(pool=w.pool),
    output:
        report("results/{pool}figures/{figure}.svg", caption="../report/caption.rst.jinja", category="Figures"),
    log:
        "results/logs/{pool}figure_{figure}.log",
    benchmark:
        "results/benchmarks/{pool}figure_{figure}.tsv"
    wildcard_constraints:
        figure=any_of(FIGURES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        caption=caption,
        code=lambda w: code_hash(f"figure_{w.figure}.py"),
    script:
        "../scripts/figure_{wildcards.figure}.py"


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
    resources:
        mem_mb=rising(2000),
        runtime=20,
    params:
        network=lambda w: described(dict(w.items())),
        code=lambda w: code_hash("figure_graph.py"),
    script:
        "../scripts/figure_graph.py"


use rule figure_graph as external_figure_graph with:
    input:
        geometry=f"{EXTERNAL}/geometry.npz",
        blocks=f"{EXTERNAL}/mge/blocks.npz",
    output:
        report(OWN_DRAWING, caption="../report/graphs.rst", category="Graphs"),
    log:
        "results/logs/external/{name}/figure_graph.log",
    benchmark:
        "results/benchmarks/external/{name}/figure_graph.tsv"
    params:
        network=lambda w: own_network(w.name),
        code=lambda w: code_hash("figure_graph.py"),


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
        graphs=lambda w: expand(PUBLISHED_DRAWING, pruning=DRAWN_ALGORITHMS) if w.pool else drawings(),
    output:
        "results/{pool}report.html",
    log:
        "results/logs/{pool}report.log",
    benchmark:
        "results/benchmarks/{pool}report.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=20,
    params:
        cfg=report_cfg,
        code=lambda w: code_hash("report.py"),
    script:
        "../scripts/report.py"
