"""Measure: one metric over all the chunks of a row."""


rule measure_images:
    input:
        sources=metric_sources,
        aligned=lambda wildcards: aligned_chunks(wildcards.dataset),
        restored=restored_chunks,
        reference=metric_reference,
    output:
        scores="results/scores/{dataset}/{recipe}/{row}/{seed}/{metric}.csv",
    log:
        "results/logs/measure/{dataset}.{recipe}.{row}.{seed}.{metric}.log",
    benchmark:
        "results/benchmarks/measure/{dataset}.{recipe}.{row}.{seed}.{metric}.tsv"
    wildcard_constraints:
        metric="|".join(IMAGE_METRICS) or "none",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=measure_args,
        code=measure_code,
    shell:
        step(
            "measure --metric {wildcards.metric} --dataset {wildcards.dataset} {params.args}"
            " --restored {input.restored} --aligned {input.aligned} --reference {input.reference} --cache results/cache --out {output.scores}"
        )


use rule measure_images as measure_set with:
    output:
        scores="results/scores/{dataset}/{recipe}/{row}/{seed}/{metric}.csv",
        replicates="results/scores/{dataset}/{recipe}/{row}/{seed}/{metric}.replicates.csv",
    log:
        "results/logs/measure_set/{dataset}.{recipe}.{row}.{seed}.{metric}.log",
    benchmark:
        "results/benchmarks/measure_set/{dataset}.{recipe}.{row}.{seed}.{metric}.tsv"
    wildcard_constraints:
        metric="|".join(SET_METRICS) or "none",


rule recognise:
    input:
        unpack(recognise_inputs),
        sources=metric_sources,
        aligned=lambda wildcards: aligned_chunks(wildcards.dataset),
        restored=restored_chunks,
    output:
        scores="results/scores/{dataset}/{recipe}/{row}/{seed}/{metric}.csv",
        replicates="results/scores/{dataset}/{recipe}/{row}/{seed}/{metric}.replicates.csv",
    log:
        "results/logs/recognise/{dataset}.{recipe}.{row}.{seed}.{metric}.log",
    benchmark:
        "results/benchmarks/recognise/{dataset}.{recipe}.{row}.{seed}.{metric}.tsv"
    wildcard_constraints:
        metric="|".join(RECOGNITION_METRICS) or "none",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=measure_args,
        compared=recognise_args,
        code=measure_code,
    shell:
        step(
            "measure --metric {wildcards.metric} --dataset {wildcards.dataset} {params.args}"
            " --restored {input.restored} --aligned {input.aligned} {params.compared} --cache results/cache --out {output.scores}"
        )
