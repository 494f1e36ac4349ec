"""profiles/kubernetes against a stand-in for the API server, for there is no Kubernetes here: it takes Jobs and really runs them."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from clrface.fingerprint import ROOT
from tests.copies import copy_project

sys.path.insert(0, str(ROOT / "profiles" / "kubernetes"))
import snakemake_executor_plugin_kubernetes_volume as plugin
from snakemake_interface_common.exceptions import WorkflowError

JOBS = re.compile(r"/apis/batch/v1/namespaces/(?P<namespace>[^/?]+)/jobs(?:/(?P<name>[^?]+))?")
pytestmark = pytest.mark.timeout(600)


class Cluster(ThreadingHTTPServer):
    """Runs what a Job's container would, in the background; the first `evicts` of those it is given end as an evicted pod's."""

    def __init__(self, evicts: int = 0):
        super().__init__(("127.0.0.1", 0), Api)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.evicts, self.deleted, self.busy, self.refuses = evicts, list[str](), 2, False

    def create(self, job: dict[str, Any]) -> dict[str, Any]:
        name = job["metadata"]["name"]
        self.jobs[name] = job
        if len(self.jobs) > self.evicts:
            container = job["spec"]["template"]["spec"]["containers"][0]
            inside = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")} | {
                entry["name"]: entry["value"] for entry in container["env"]
            }
            self.processes[name] = subprocess.Popen(container["command"] + container["args"], cwd="/", env=inside)
        return job

    def told(self, name: str) -> dict[str, Any]:
        if name not in self.processes:
            return self.jobs[name] | {"status": {"conditions": [failed("Evicted")]}}
        ended = self.processes[name].poll()
        conditions = [] if ended is None else [failed("BackoffLimitExceeded")] if ended else [{"type": "Complete", "status": "True"}]
        return self.jobs[name] | {"status": {"conditions": conditions}}


def failed(reason: str) -> dict[str, str]:
    return {"type": "Failed", "status": "True", "reason": reason, "message": "as a test wants it"}


class Api(BaseHTTPRequestHandler):
    server: Cluster

    def answer(self, content: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def asked(self) -> re.Match[str]:
        found = JOBS.match(self.path)
        assert found and found["namespace"] == "faces", self.path
        return found

    def do_POST(self) -> None:
        self.asked()
        if self.server.refuses:
            self.answer({"kind": "Status", "reason": "Forbidden", "message": "exceeded quota"}, 403)
            return
        self.answer(self.server.create(json.loads(self.rfile.read(int(self.headers["Content-Length"])))), 201)

    def do_GET(self) -> None:
        assert "labelSelector=snakemake-run%3Drun-" in self.path, self.path
        self.asked()
        if self.server.busy:
            self.server.busy -= 1
            self.answer({"kind": "Status", "reason": "ServiceUnavailable"}, 503)
        else:
            self.answer({"kind": "JobList", "apiVersion": "batch/v1", "items": [self.server.told(name) for name in list(self.server.jobs)]})

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.asked()["name"])
        self.answer({"kind": "Status", "status": "Success"})

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(evicts=1) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path: Path, sources: Path) -> Path:
    """A copy with a table of two rows that need no weights."""
    copy_project(tmp_path)
    (tmp_path / "data/raw").symlink_to(sources)
    profile = yaml.safe_load((tmp_path / "config/embedded.yaml").read_text())
    profile["methods"] = {"identity": {}, "wiener": {}}
    profile["tables"] = {"table1": profile["tables"]["table1"]}
    profile |= {"bootstrap": 20, "sweeps": {}, "datasets": {"orl": {"identities": 2, "images_per_identity": 2}}}
    protocols = yaml.safe_load((tmp_path / "config/protocols.yaml").read_text())
    protocols["embedded"]["metrics"] = ["psnr", "ssim"]
    (tmp_path / "config/embedded.yaml").write_text(yaml.safe_dump(profile, sort_keys=False))
    (tmp_path / "config/protocols.yaml").write_text(yaml.safe_dump(protocols, sort_keys=False))
    return tmp_path


def snakemake(folder: Path, *words: str, **env: str) -> tuple[int, str]:
    """Its exit code, and what it said."""
    command = [sys.executable, "-m", "snakemake", *words, "results/table1.csv"]
    ended = subprocess.run(command, cwd=folder, env=os.environ | {"NO_COLOR": "1"} | env, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def through_jobs(folder: Path, server: Cluster, *words: str) -> tuple[int, str]:
    (folder / "kube").write_text(yaml.safe_dump(kubeconfig(server)))
    profile = (
        "--workflow-profile",
        "profiles/kubernetes",
        "--kubernetes-volume-namespace",
        "faces",
        "--seconds-between-status-checks",
        "1",
    )
    return snakemake(folder, *profile, *words, KUBECONFIG=str(folder / "kube"), PYTHONPATH=str(folder / "profiles/kubernetes"))


def kubeconfig(server: Cluster) -> dict[str, Any]:
    address = {"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
    context = {"name": "here", "context": {"cluster": "here", "user": "me"}}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [address],
        "contexts": [context],
        "current-context": "here",
        "users": [{"name": "me", "user": {}}],
    }


def test_a_table_through_jobs_is_the_local_one_and_what_is_evicted_is_tried_again(project: Path, cluster: Cluster) -> None:
    code, output = through_jobs(project, cluster)
    assert code == 0 and "Evicted" in output and "does not answer" in output, output
    table = (project / "results/table1.csv").read_bytes()
    first, second = (job["spec"] for job in list(cluster.jobs.values())[:2])
    asked = [spec["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] for spec in (first, second)]
    assert int(asked[1].rstrip("M")) == 2 * int(asked[0].rstrip("M")), "the second attempt asks for twice the memory"
    assert second["activeDeadlineSeconds"] == 2 * first["activeDeadlineSeconds"]
    assert len(cluster.jobs) < 10, "small jobs go together"
    assert not cluster.deleted
    code, output = snakemake(project, "--cores", "2", "--forceall")
    assert code == 0 and b"wiener" in table and (project / "results/table1.csv").read_bytes() == table, output


def test_a_cluster_that_refuses_is_quoted(project: Path, cluster: Cluster) -> None:
    cluster.refuses = True
    code, output = through_jobs(project, cluster, "--retries", "0")
    assert code and re.search(r"did not take the Job run-\w+-\w+: 403 .*exceeded quota", output), output


def test_without_a_cluster_it_says_what_it_expected(project: Path) -> None:
    profile = ("--workflow-profile", "profiles/kubernetes")
    code, output = snakemake(project, *profile, KUBECONFIG=str(project / "none"), PYTHONPATH=str(project / "profiles/kubernetes"))
    assert code and "Found no Kubernetes cluster, expected to be in a pod of one, or a kubeconfig" in output, output


def test_what_a_job_asks_for_is_in_its_manifest() -> None:
    template = plugin.read_manifest(ROOT / "profiles/kubernetes/job.yaml")
    made = plugin.job_manifest(template, {"_cores": 4, "mem_mb": 8000, "runtime": 120, "gpu": 1}, "nvidia.com/gpu")
    pod = made["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "4", "memory": "8000M"},
        "limits": {"memory": "8000M", "nvidia.com/gpu": "1"},
    }
    assert made["spec"]["activeDeadlineSeconds"] == 7200 and made["spec"]["backoffLimit"] == 0 and pod["restartPolicy"] == "Never"
    assert "nvidia" not in json.dumps(plugin.job_manifest(template, {"_cores": 1, "gpu": 0}, "nvidia.com/gpu"))
    assert "resources" not in template["spec"]["template"]["spec"]["containers"][0], "the template stays as it is"


@pytest.mark.parametrize(
    ("text", "found"),
    [("kind: Pod\nspec: {template: {spec: {containers: [{}]}}}", "kind Pod"), ("kind: Job", "KeyError"), ("[", "ParserError")],
)
def test_a_manifest_that_is_none_is_named(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises(WorkflowError, match=rf"job\.yaml: expected a Job .*{found}"):
        plugin.read_manifest(tmp_path / "job.yaml")


def test_the_driver_may_do_what_the_executor_asks() -> None:
    documents = {document["kind"]: document for document in yaml.safe_load_all((ROOT / "profiles/kubernetes/driver.yaml").read_text())}
    assert documents["Role"]["rules"] == [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "delete"]}]
    job = plugin.read_manifest(ROOT / "profiles/kubernetes/job.yaml")["spec"]["template"]["spec"]
    driver = documents["Pod"]["spec"]
    assert job["containers"][0]["image"] == driver["containers"][0]["image"], "one Python for .venv"
    assert driver["containers"][0]["volumeMounts"][0] in job["containers"][0]["volumeMounts"]
    assert documents["PersistentVolumeClaim"]["metadata"]["name"] == job["volumes"][0]["persistentVolumeClaim"]["claimName"]
