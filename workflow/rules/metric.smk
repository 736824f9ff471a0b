# One job per network and metric family, for all encodings (paper, section 3.3).


def metric_graphs(wildcards):
    encodings = study.metric_encodings(wildcards.metric)
    return {
        **{f"{e}_blocks": f"{NETWORK}/{e}/blocks.npz" for e in encodings},
        **{f"{e}_edges": f"{NETWORK}/{e}/edges.parquet" for e in encodings},
    }


rule metric:
    input:
        unpack(metric_graphs),
    output:
        NETWORK + "/metrics/{metric}.json",
    params:
        cfg=lambda w: {"encodings": study.metric_encodings(w.metric), **study.options(w.metric)},
        code=lambda w: code_hash(f"metric_{w.metric}.py"),
    log:
        "results/logs/metric/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}/{metric}.log",
    benchmark:
        "results/benchmarks/metric/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}/{metric}.tsv"
    threads: 1
    resources:
        mem_mb=rising(2000),
        runtime=60,
    script:
        "../scripts/metric_{wildcards.metric}.py"
