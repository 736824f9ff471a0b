# One job per network and metric family, for all encodings (paper, section 3.3).


include: "functions/metrics.smk"


rule metric:
    input:
        unpack(metric_graphs),
    output:
        f"{NETWORK}/metrics/{{metric}}.json",
    log:
        "results/logs/metric/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}/{metric}.log",
    benchmark:
        "results/benchmarks/metric/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}/{metric}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=graph_memory,
        runtime=metric_minutes,
    params:
        cfg=metric_cfg,
        code=lambda w: code_hash(f"metric_{w.metric}.py"),
    script:
        "../scripts/metric_{wildcards.metric}.py"
