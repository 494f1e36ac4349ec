"""Measure: one metric over all the chunks of a row."""


rule measure_images:
    input:
        sources=planned(measuring.metric_inputs, "metric"),
        aligned=planned(datasets.aligned_chunks, "dataset"),
        restored=planned(measuring.restored_chunks, "dataset", "degradation", "row", "seed"),
        reference=planned(measuring.reference_chunks, "dataset", "degradation", "metric"),
    output:
        scores=in_results("scores/{dataset}/{degradation}/{row}/{seed}/{metric}.csv"),
    log:
        in_results("logs/measure/{dataset}.{degradation}.{row}.{seed}.{metric}.log"),
    benchmark:
        in_results("benchmarks/measure/{dataset}.{degradation}.{row}.{seed}.{metric}.tsv")
    wildcard_constraints:
        metric=either(measuring.image_metrics(PLAN)),
    threads: 1
    resources:
        gpu=planned(measuring.gpus, "metric"),
    params:
        args=planned(measuring.measure_args, "metric"),
        code=planned(measuring.metric_code, "metric"),
    shell:
        step(
            "measure --metric {wildcards.metric} --dataset {wildcards.dataset} {params.args}"
            " --restored {input.restored} --aligned {input.aligned} --reference {input.reference} --cache results/cache --out {output.scores}"
        )


use rule measure_images as measure_set with:
    output:
        scores=in_results("scores/{dataset}/{degradation}/{row}/{seed}/{metric}.csv"),
        replicates=in_results("scores/{dataset}/{degradation}/{row}/{seed}/{metric}.replicates.csv"),
    log:
        in_results("logs/measure_set/{dataset}.{degradation}.{row}.{seed}.{metric}.log"),
    benchmark:
        in_results("benchmarks/measure_set/{dataset}.{degradation}.{row}.{seed}.{metric}.tsv")
    wildcard_constraints:
        metric=either(measuring.set_metrics(PLAN)),


rule recognise:
    input:
        unpack(planned(measuring.recognise_inputs, "dataset")),
        sources=planned(measuring.metric_inputs, "metric"),
        aligned=planned(datasets.aligned_chunks, "dataset"),
        restored=planned(measuring.restored_chunks, "dataset", "degradation", "row", "seed"),
    output:
        scores=in_results("scores/{dataset}/{degradation}/{row}/{seed}/{metric}.csv"),
        replicates=in_results("scores/{dataset}/{degradation}/{row}/{seed}/{metric}.replicates.csv"),
    log:
        in_results("logs/recognise/{dataset}.{degradation}.{row}.{seed}.{metric}.log"),
    benchmark:
        in_results("benchmarks/recognise/{dataset}.{degradation}.{row}.{seed}.{metric}.tsv")
    wildcard_constraints:
        metric=either(measuring.recognition_metrics(PLAN)),
    threads: 1
    resources:
        gpu=planned(measuring.gpus, "metric"),
    params:
        args=planned(measuring.measure_args, "metric"),
        compared=planned(measuring.recognise_args, "dataset"),
        code=planned(measuring.metric_code, "metric"),
    shell:
        step(
            "measure --metric {wildcards.metric} --dataset {wildcards.dataset} {params.args}"
            " --restored {input.restored} --aligned {input.aligned} {params.compared} --cache results/cache --out {output.scores}"
        )
