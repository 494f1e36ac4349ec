"""A Snakemake executor for Kubernetes where all pods share one volume with the process that submits, as nodes share a disk under Slurm.

Snakemake's own Kubernetes executor shares nothing: each job gets its declared inputs alone, by way of a storage.
Here a job is a Kubernetes Job made from a manifest of yours (job.yaml), and what it writes lies where the next one looks.
"""

import shlex
import sys
import uuid
from collections.abc import AsyncGenerator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase
from urllib3.exceptions import HTTPError

RUN = "snakemake-run"
"""The label by which this run's Jobs are found."""
TRANSIENT = (429, 500, 502, 503, 504)
"""Answers of a busy or restarting API server: the question is asked again at the next look."""

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=False,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=True,
    auto_deploy_default_storage_provider=False,
)


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """`--kubernetes-volume-manifest` and the others."""

    manifest: Path = field(default=Path(__file__).parents[1] / "job.yaml", metadata={"help": "The Job that every job is made from"})
    namespace: str = field(default="default", metadata={"help": "Where Jobs are made"})
    gpu_resource: str = field(default="nvidia.com/gpu", metadata={"help": "What the cluster calls a GPU"})


class Executor(RemoteExecutor):
    """One Kubernetes Job a submission; one question to the API for the state of all."""

    def __post_init__(self) -> None:
        self.settings = self.workflow.executor_settings
        self.template = read_manifest(self.settings.manifest)
        self.run = f"run-{uuid.uuid4().hex[:12]}"
        self.logs = Path(self.workflow.persistence.aux_path).absolute() / "kubernetes"
        self.logs.mkdir(parents=True, exist_ok=True)
        configure()
        self.batch = client.BatchV1Api()

    def get_job_exec_prefix(self, job: JobExecutorInterface) -> str:
        """A pod begins outside the environment that Snakemake was started in."""
        folder, binaries = shlex.quote(str(self.workflow.workdir_init)), shlex.quote(str(Path(sys.executable).parent))
        return f'cd {folder} && export PATH={binaries}:"$PATH"'

    def run_job(self, job: JobExecutorInterface) -> None:
        """Submit it. A Job that the API refuses is a failed job, so others go on."""
        name = f"{self.run}-{uuid.uuid4().hex[:8]}"
        log = self.logs / f"{name}.log"
        body = job_manifest(self.template, dict(job.resources), self.settings.gpu_resource)
        body["metadata"] |= {"name": name, "labels": {**body["metadata"].get("labels", {}), RUN: self.run}}
        command = f"( {self.format_job_exec(job)} ) > {shlex.quote(str(log))} 2>&1"
        body["spec"]["template"]["spec"]["containers"][0] |= {"command": ["/bin/sh", "-c", command], "args": []}
        submitted = SubmittedJobInfo(job, external_jobid=name, aux={"log": log})
        try:
            self.batch.create_namespaced_job(self.settings.namespace, body)
        except (ApiException, HTTPError) as error:
            self._report(submitted, f"Kubernetes did not take the Job {name}: {_told(error)}")
            return
        self.logger.info(f"Submitted {'group' if job.is_group() else 'job'} {job.jobid} as {name} (log: {log}).")
        self.report_job_submission(submitted)

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        if not active_jobs:  # asked from the start, before this executor is ready
            return
        async with self.status_rate_limiter:
            states = self._states()
        for submitted in active_jobs:
            state = "active" if states is None else states.get(str(submitted.external_jobid), "is gone: somebody deleted it")
            if state == "complete":
                self.report_job_success(submitted)
            elif state == "active":
                yield submitted
            else:
                self._report(submitted, f"The Job {submitted.external_jobid} {state} (log: {submitted.aux['log']}).")

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Delete this run's Jobs that haven't ended, and their pods."""
        for submitted in active_jobs:
            try:
                self.batch.delete_namespaced_job(submitted.external_jobid, self.settings.namespace, propagation_policy="Background")
            except (ApiException, HTTPError) as error:
                self.logger.warning(f"The Job {submitted.external_jobid} could not be deleted: {_told(error)}")

    def _report(self, submitted: SubmittedJobInfo, reason: str) -> None:
        """A failure. Told here: of a group that is tried again Snakemake tells no reason."""
        self.logger.error(reason)
        self.report_job_error(submitted)

    def _states(self) -> dict[str, str] | None:
        """Of all of this run's Jobs, by name; None where the API doesn't answer for now."""
        try:
            found = self.batch.list_namespaced_job(self.settings.namespace, label_selector=f"{RUN}={self.run}")
        except (ApiException, HTTPError) as error:
            if isinstance(error, ApiException) and error.status not in TRANSIENT:
                raise WorkflowError(f"Kubernetes tells nothing of the jobs: {_told(error)}") from error
            self.logger.warning(f"Kubernetes does not answer, asked again soon: {_told(error)}")
            return None
        return {job.metadata.name: job_state(job.status) for job in found.items}


def configure() -> None:
    """Take the cluster that this pod is in, or else the one that kubectl would. Raises: WorkflowError where there is neither."""
    try:
        config.load_incluster_config()
    except ConfigException:
        try:
            config.load_kube_config()
        except ConfigException as error:
            raise WorkflowError(
                f"Found no Kubernetes cluster, expected to be in a pod of one, or a kubeconfig: {error} See docs/clusters.md."
            ) from error


def read_manifest(path: Path) -> dict[str, Any]:
    """A Job with a container. Raises: WorkflowError naming the file and what it lacks."""
    try:
        manifest = yaml.safe_load(path.read_text())
        kind, containers = manifest["kind"], manifest["spec"]["template"]["spec"]["containers"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise WorkflowError(
            f"--kubernetes-volume-manifest {path}: expected a Job with spec.template.spec.containers, found {error!r}."
        ) from error
    if kind != "Job" or not containers:
        raise WorkflowError(
            f"--kubernetes-volume-manifest {path}: expected a Job with a container, found the kind {kind} with {len(containers)}."
        )
    return manifest


def job_manifest(template: dict[str, Any], resources: dict[str, Any], gpu_resource: str) -> dict[str, Any]:
    """`template` with what a job asks for, in its first container: `_cores`, `mem_mb`, `runtime` (minutes), `gpu`."""
    body = deepcopy(template)
    body.setdefault("metadata", {})
    body["spec"] |= {"backoffLimit": 0}  # Snakemake tries again itself, with more memory
    body["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    asked = body["spec"]["template"]["spec"]["containers"][0].setdefault("resources", {})
    requests, limits = asked.setdefault("requests", {}), asked.setdefault("limits", {})
    requests["cpu"] = str(resources.get("_cores", 1))
    if "mem_mb" in resources:
        requests["memory"] = limits["memory"] = f"{resources['mem_mb']}M"
    if "runtime" in resources:
        body["spec"]["activeDeadlineSeconds"] = int(resources["runtime"]) * 60
    if resources.get("gpu"):
        limits[gpu_resource] = str(resources["gpu"])
    return body


def job_state(status: Any) -> str:
    """complete, active, or why it failed."""
    for condition in status.conditions or []:
        if condition.status == "True" and condition.type == "Complete":
            return "complete"
        if condition.status == "True" and condition.type == "Failed":
            return f"failed ({condition.reason}: {condition.message})"
    return "active"


def _told(error: Exception) -> str:
    return f"{error.status} {error.reason} {error.body or ''}".strip() if isinstance(error, ApiException) else str(error)
