# Networks of the user's own: taken in, then encoded and measured by the same scripts as the study's.


include: "functions/external.smk"


rule external_load:
    input:
        unpack(external_files),
    output:
        geometry=f"{EXTERNAL}/geometry.npz",
        model=f"{EXTERNAL}/model.pt",
        mask=f"{EXTERNAL}/mask.npz",
    log:
        "results/logs/external/{name}/load.log",
    benchmark:
        "results/benchmarks/external/{name}/load.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(4000),
        runtime=20,
    params:
        cfg=external_cfg,
        contents=lambda w: files_digest(external_files(w)),
        code=lambda w: code_hash("external_load.py", *external_architecture_code(w)),
    script:
        "../scripts/external_load.py"


use rule encode as external_encode with:
    input:
        geometry=rules.external_load.output.geometry,
        model=rules.external_load.output.model,
        mask=rules.external_load.output.mask,
    output:
        **encoded(EXTERNAL),
    log:
        "results/logs/external/{name}/encode.log",
    benchmark:
        "results/benchmarks/external/{name}/encode.tsv"


use rule metric as external_metric with:
    input:
        unpack(lambda w: metric_graphs(w, EXTERNAL)),
    output:
        f"{EXTERNAL}/metrics/{{metric}}.json",
    log:
        "results/logs/external/{name}/{metric}.log",
    benchmark:
        "results/benchmarks/external/{name}/{metric}.tsv"
    params:
        cfg=lambda w: metric_cfg(w, EXTERNAL),
        code=lambda w: code_hash(f"metric_{w.metric}.py"),


rule external_table:
    input:
        **{family: f"{EXTERNAL}/metrics/{family}.json" for family in study.metrics},
    output:
        f"{EXTERNAL}/topometrics.csv",
    log:
        "results/logs/external/{name}/table.log",
    benchmark:
        "results/benchmarks/external/{name}/table.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("external_table.py"),
    script:
        "../scripts/external_table.py"
