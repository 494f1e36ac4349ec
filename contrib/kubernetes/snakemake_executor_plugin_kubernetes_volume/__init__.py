"""A Snakemake executor for Kubernetes where all pods share one volume with the process that submits, as nodes share a disk under Slurm.

Snakemake's own Kubernetes executor shares nothing: each job gets its declared inputs alone, by way of a storage.
Here a job is a Kubernetes Job made from a manifest of yours (job.yaml), and what it writes lies where the next one looks.
"""

import hashlib
import shlex
import sys
import time
import uuid
from collections.abc import AsyncGenerator, Callable
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

RUN, FOLDER = "snakemake-run", "snakemake-folder"
"""Labels by which a run's Jobs are found, and those of all runs in one folder."""
TRANSIENT = (429, 500, 502, 503, 504)
"""Answers of a busy or restarting API server."""
WAITS_S = (1, 2, 4, 8, 16, 32)
"""Before a submission is tried again that nobody answered."""
TIMEOUT_S = (10, 60)
"""To connect, and for an answer: without one, a dead connection is waited on for ever."""
NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

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

    manifest: Path = field(default=Path("contrib/kubernetes/profile/job.yaml"), metadata={"help": "The Job that every job is made from"})
    namespace: str = field(default="", metadata={"help": "Where Jobs are made; the pod's own if left out"})
    gpu_resource: str = field(default="nvidia.com/gpu", metadata={"help": "What the cluster calls a GPU"})


class Executor(RemoteExecutor):
    """One Kubernetes Job a submission; one question to the API for the state of all."""

    def __post_init__(self) -> None:
        settings = self.workflow.executor_settings
        self.template, self.gpu_resource = read_manifest(settings.manifest), settings.gpu_resource
        self.namespace = settings.namespace or (NAMESPACE.read_text().strip() if NAMESPACE.is_file() else "default")
        self.run, self.folder = f"run-{uuid.uuid4().hex[:12]}", hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:16]
        self.logs = Path(self.workflow.persistence.aux_path).absolute() / "kubernetes"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.unended: set[str] = set()
        configure()
        self.batch, self.core = client.BatchV1Api(), client.CoreV1Api()
        self._refuse_company()

    def get_job_exec_prefix(self, job: JobExecutorInterface) -> str:
        """A pod begins outside the environment that Snakemake was started in."""
        folder, binaries = shlex.quote(str(self.workflow.workdir_init)), shlex.quote(str(Path(sys.executable).parent))
        return f'cd {folder} && export PATH={binaries}:"$PATH"'

    def run_job(self, job: JobExecutorInterface) -> None:
        """Submit it. A Job that the API refuses is a failed job, so others go on."""
        name = f"{self.run}-{uuid.uuid4().hex[:8]}"
        log = self.logs / f"{name}.log"
        command = f"( {self.format_job_exec(job)} ) > {shlex.quote(str(log))} 2>&1"
        body = job_manifest(self.template, dict(job.resources), self.gpu_resource, command)
        for labelled in (body, body["spec"]["template"]):
            labelled["metadata"]["labels"] = (labelled["metadata"].get("labels") or {}) | {RUN: self.run, FOLDER: self.folder}
        body["metadata"]["name"] = name
        submitted = SubmittedJobInfo(job, external_jobid=name, aux={"log": log})
        try:
            insist(lambda: self.batch.create_namespaced_job(self.namespace, body, _request_timeout=TIMEOUT_S))
        except (ApiException, HTTPError) as error:
            if not (isinstance(error, ApiException) and error.status == 409):  # it is there: an answer to an earlier try was lost
                self._report(submitted, f"Kubernetes did not take the Job {name}: {_told(error)}")
                return
        self.unended.add(name)
        self.logger.info(f"Submitted {'group' if job.is_group() else 'job'} {job.jobid} as {name} (log: {log}).")
        self.report_job_submission(submitted)

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Report those that have ended; yield those that go on."""
        if not active_jobs:  # asked from the start, before this executor is ready
            return
        async with self.status_rate_limiter:
            states = self._states()
        for submitted in active_jobs:
            name = str(submitted.external_jobid)
            state = "active" if states is None else states.get(name, "is gone: somebody deleted it")
            if state == "active":
                yield submitted
                continue
            self.unended.discard(name)
            if state == "complete":
                self.report_job_success(submitted)
            else:
                self._report(submitted, f"The Job {name} {state}{self._why(name)} (log: {submitted.aux['log']}).")

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Delete this run's Jobs that haven't ended, and their pods: all of them, for while Snakemake looks it says that none is active."""
        for name in sorted(self.unended):
            try:
                self.batch.delete_namespaced_job(name, self.namespace, propagation_policy="Background", _request_timeout=TIMEOUT_S)
            except (ApiException, HTTPError) as error:
                self.logger.warning(f"The Job {name} could not be deleted: {_told(error)}")

    def _report(self, submitted: SubmittedJobInfo, reason: str) -> None:
        """A failure. Told here: of a group that is tried again Snakemake tells no reason."""
        self.logger.error(reason)
        self.report_job_error(submitted)

    def _states(self) -> dict[str, str] | None:
        """Of all of this run's Jobs, by name; None where the API doesn't answer for now. Raises: WorkflowError where it refuses to tell."""
        try:
            found = self._jobs(f"{RUN}={self.run}")
        except (ApiException, HTTPError) as error:
            if _transient(error):
                self.logger.warning(f"Kubernetes does not answer, asked again soon: {_told(error)}")
                return None
            self.cancel_jobs([])
            raise WorkflowError(f"Kubernetes tells nothing of the jobs: {_told(error)}") from error
        return {job.metadata.name: job_state(job.status) for job in found}

    def _why(self, name: str) -> str:
        """What a failed Job's pod ended of, such as Evicted or OOMKilled; nothing where nobody can tell."""
        try:
            pods = self.core.list_namespaced_pod(self.namespace, label_selector=f"job-name={name}", _request_timeout=TIMEOUT_S).items
        except (ApiException, HTTPError):
            return ""
        ends = [container.state.terminated for pod in pods for container in pod.status.container_statuses or []]
        reasons = [pod.status.reason for pod in pods] + [f"{end.reason}, exit code {end.exit_code}" for end in ends if end]
        return "".join(f"; its pod: {reason}" for reason in reasons if reason)

    def _refuse_company(self) -> None:
        """Raises: WorkflowError where an earlier run's Jobs still write to this folder."""
        try:
            working = [
                job.metadata.name for job in insist(lambda: self._jobs(f"{FOLDER}={self.folder}")) if job_state(job.status) == "active"
            ]
        except (ApiException, HTTPError) as error:
            raise WorkflowError(f"Kubernetes does not tell its Jobs in the namespace {self.namespace}: {_told(error)}") from error
        if working:
            raise WorkflowError(
                f"{len(working)} Jobs of an earlier run still work in this folder, {working[0]} one of them. "
                f"Wait for their end, or delete them: kubectl delete jobs -n {self.namespace} -l {FOLDER}={self.folder}"
            )

    def _jobs(self, selector: str) -> list[Any]:
        return self.batch.list_namespaced_job(self.namespace, label_selector=selector, _request_timeout=TIMEOUT_S).items


def configure() -> None:
    """Take the cluster that this pod is in, or else the one that kubectl would. Raises: WorkflowError where there is neither."""
    try:
        config.load_incluster_config()
    except ConfigException:
        try:
            config.load_kube_config()
        except ConfigException as error:
            raise WorkflowError(
                f"Found no Kubernetes cluster, expected a pod of one, or a kubeconfig: {error} See docs/how-to/run-on-a-cluster.md."
            ) from error


def insist(ask: Callable[[], Any]) -> Any:
    """Ask again, for a minute, while nobody answers. Raises: the last error, and at once one that another try won't change."""
    for wait_s in WAITS_S:
        try:
            return ask()
        except (ApiException, HTTPError) as error:
            if not _transient(error):
                raise
        time.sleep(wait_s)
    return ask()


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


def job_manifest(template: dict[str, Any], resources: dict[str, Any], gpu_resource: str, command: str) -> dict[str, Any]:
    """`template` with a job's command and what it asks for, in its first container.

    resources: `_cores`; `mem_mb` (10^6 bytes); `runtime` (minutes of its pod's life, not of its wait for a node); `gpu`; and `exclusive`, a
    node without another pod of ours.
    """
    body = deepcopy(template)
    pod = body["spec"]["template"]
    for place in (body, pod):
        place["metadata"] = place.get("metadata") or {}
    body["spec"]["backoffLimit"] = 0  # Snakemake tries again itself, with more memory
    container, spec = pod["spec"]["containers"][0], pod["spec"]
    container |= {"command": ["/bin/sh", "-c", command], "args": []}
    spec |= {"restartPolicy": "Never"}
    asked = container["resources"] = container.get("resources") or {}
    requests, limits = asked.setdefault("requests", {}), asked.setdefault("limits", {})
    requests["cpu"] = str(resources.get("_cores", 1))
    if "mem_mb" in resources:
        requests["memory"] = limits["memory"] = f"{resources['mem_mb']}M"
    if "runtime" in resources:
        spec["activeDeadlineSeconds"] = int(resources["runtime"]) * 60
    if resources.get("gpu"):
        limits[gpu_resource] = str(resources["gpu"])
    if resources.get("exclusive"):
        alone = {"labelSelector": {"matchExpressions": [{"key": RUN, "operator": "Exists"}]}, "topologyKey": "kubernetes.io/hostname"}
        spec["affinity"] = (spec.get("affinity") or {}) | {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [alone]}}
    return body


def job_state(status: Any) -> str:
    """active, complete, or how it failed: only when none of its pods can still write."""
    if status.active or getattr(status, "terminating", None):
        return "active"
    for condition in status.conditions or []:
        if condition.status == "True" and condition.type == "Complete":
            return "complete"
        if condition.status == "True" and condition.type == "Failed":
            return f"failed ({condition.reason}: {condition.message})"
    return "active"


def _transient(error: ApiException | HTTPError) -> bool:
    return not isinstance(error, ApiException) or error.status in TRANSIENT


def _told(error: Exception) -> str:
    return f"{error.status} {error.reason} {error.body or ''}".strip() if isinstance(error, ApiException) else str(error)
