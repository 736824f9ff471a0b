# Networks as graphs: blocks for the metrics, edge lists for everybody (paper, sections 2, 3.1 and 3.2).


rule geometry:
    input:
        info=DATASET["info"],
    output:
        geometry=f"{CELL}/geometry.npz",
    log:
        "results/logs/geometry/{dataset}/{architecture}.log",
    benchmark:
        "results/benchmarks/geometry/{dataset}/{architecture}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(4000),
        runtime=20,
    params:
        cfg=lambda w: {
            "architecture": w.architecture,
            "architecture_options": study.options(w.architecture),
            **traced(study.options("mge")),
        },
        code=lambda w: code_hash("geometry.py", architecture_code(w)),
    script:
        "../scripts/geometry.py"


rule encode:
    input:
        geometry=rules.geometry.output.geometry,
        model=rules.train_sparse.output.model,
        mask=rules.prune.output.mask,
    output:
        **encoded(NETWORK),
    log:
        "results/logs/encode/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/encode/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=graph_memory,
        runtime=rising(5),
    params:
        cfg={"weight_names": study.options("mge")["weight_names"]},
        code=lambda w: code_hash("encode.py"),
    script:
        "../scripts/encode.py"
