"""The executor against a stand-in for the API server, for there is no Kubernetes here: it takes Jobs and really runs them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import snakemake_executor_plugin_kubernetes_volume as plugin
import yaml
from snakemake_interface_common.exceptions import WorkflowError

from clrface.fingerprint import ROOT
from tests.copies import RUN, copy_project

PACKAGE = ROOT / "contrib/kubernetes"
ASKED = re.compile(
    r"/(?:apis/batch/v1|api/v1)/namespaces/faces/(?P<kind>jobs|pods)(?:/(?P<name>[^?]+))?(?:\?(?:labelSelector=(?P<selector>[^&]+))?.*)?"
)
pytestmark = pytest.mark.timeout(600)


class Cluster(ThreadingHTTPServer):
    """Runs what a Job's container would, in the background; the first `evicts` Jobs lose their pod."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.evicts, self.holds, self.refuses = 0, False, False
        self.busy: dict[str, int] = {}
        """By method: so many requests are answered with 503."""
        self.verbs: set[tuple[str, str]] = set()
        self.deleted: list[str] = []
        self.strange: list[str] = []
        """What no cluster would have an answer to."""

    def create(self, job: dict[str, Any]) -> dict[str, Any]:
        name = job["metadata"]["name"]
        self.jobs[name] = job
        if len(self.jobs) > self.evicts and not self.holds:
            container = job["spec"]["template"]["spec"]["containers"][0]
            inside = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
            self.processes[name] = subprocess.Popen(container["command"] + container["args"], cwd="/", env=inside)
        return job

    def status(self, name: str) -> dict[str, Any]:
        if name in self.processes:
            code = self.processes[name].poll()
            if code == 0:
                return {"conditions": [{"type": "Complete", "status": "True"}]}
        if self.holds or (name in self.processes and code is None):
            return {"active": 1}
        return {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "reached"}]}

    def answer(self, kind: str, selector: str) -> dict[str, Any]:
        if kind == "pods":
            evicted = {"metadata": {"name": "pod"}, "status": {"reason": "Evicted"}}
            return {"kind": "PodList", "apiVersion": "v1", "items": [evicted]}
        label, value = selector.split("=")
        items = [
            job | {"status": self.status(name)} for name, job in list(self.jobs.items()) if job["metadata"]["labels"].get(label) == value
        ]
        return {"kind": "JobList", "apiVersion": "batch/v1", "items": items}


class Api(BaseHTTPRequestHandler):
    server: Cluster

    def handle_any(self, verb: str) -> None:
        asked = ASKED.fullmatch(self.path)
        if asked is None:
            self.server.strange.append(f"{verb} {self.path}")
            self.reply(404, {"kind": "Status", "reason": "NotFound"})
            return
        self.server.verbs.add((asked["kind"], verb))
        if self.server.busy.get(verb, 0) > 0:
            self.server.busy[verb] -= 1
            self.reply(503, {"kind": "Status", "reason": "ServiceUnavailable"})
        elif verb == "create" and self.server.refuses:
            self.reply(403, {"kind": "Status", "reason": "Forbidden", "message": "exceeded quota"})
        elif verb == "create":
            self.reply(201, self.server.create(json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        elif verb == "delete":
            self.server.deleted.append(asked["name"])
            self.reply(200, {"kind": "Status", "status": "Success"})
        else:
            self.reply(200, self.server.answer(asked["kind"], unquote(asked["selector"])))

    def do_POST(self) -> None:
        self.handle_any("create")

    def do_GET(self) -> None:
        self.handle_any("list")

    def do_DELETE(self) -> None:
        self.handle_any("delete")

    def reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        for process in server.processes.values():
            process.kill()
            process.wait()
        assert server.strange == []


@pytest.fixture
def project(tmp_path: Path, sources: Path, cluster: Cluster) -> Path:
    """A copy with a table of two rows that need no weights, and a kubeconfig of the cluster."""
    copy_project(tmp_path, [*RUN, "contrib"])
    for name in ("orl", "dlib"):  # links of its own: --forceall removes them before it fetches again, and other tests read the same files
        shutil.copytree(sources / name, tmp_path / "data/raw" / name, copy_function=os.link)
    profile = yaml.safe_load((tmp_path / "config/embedded.yaml").read_text())
    profile["methods"] = {"input": {}, "wiener": {}}
    profile["tables"] = {"table1": profile["tables"]["table1"]}
    profile |= {"bootstrap": 20, "sweeps": {}, "datasets": {"orl": {"identities": 2, "images_per_identity": 2}}}
    protocols = yaml.safe_load((tmp_path / "clrface/catalogue/protocols.yaml").read_text())
    protocols["embedded"]["metrics"] = ["psnr", "ssim"]
    (tmp_path / "config/embedded.yaml").write_text(yaml.safe_dump(profile, sort_keys=False))
    (tmp_path / "clrface/catalogue/protocols.yaml").write_text(yaml.safe_dump(protocols, sort_keys=False))
    address = {"name": "here", "cluster": {"server": f"http://127.0.0.1:{cluster.server_port}"}}
    context = {"name": "here", "context": {"cluster": "here", "user": "me"}}
    users = [{"name": "me", "user": {}}]
    (tmp_path / "kube").write_text(
        yaml.safe_dump(
            {"apiVersion": "v1", "kind": "Config", "clusters": [address], "contexts": [context], "current-context": "here", "users": users}
        )
    )
    return tmp_path


def start(folder: Path, *words: str, kube: str = "kube") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *words, "results/table1.csv"],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1", "KUBECONFIG": str(folder / kube), "PYTHONPATH": str(folder / "contrib/kubernetes")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=hear_ctrl_c,
    )


def hear_ctrl_c() -> None:
    """Where the tests run in the background of a script, Ctrl-C is shut out, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


PROFILE = (
    "--workflow-profile",
    "contrib/kubernetes/profile",
    "--kubernetes-volume-namespace",
    "faces",
    "--seconds-between-status-checks",
    "1",
)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Its exit code, and what it said."""
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def test_a_table_through_jobs_is_the_local_one_and_what_is_evicted_is_tried_again(project: Path, cluster: Cluster) -> None:
    cluster.evicts, cluster.busy = 1, {"create": 1, "list": 2}
    code, output = ended(start(project, *PROFILE))
    assert code == 0 and "BackoffLimitExceeded: reached); its pod: Evicted" in output, output
    table = (project / "results/table1.csv").read_bytes()
    first, second = (job["spec"]["template"]["spec"] for job in list(cluster.jobs.values())[:2])
    asked = [spec["containers"][0]["resources"]["requests"]["memory"] for spec in (first, second)]
    assert int(asked[1].rstrip("M")) == 2 * int(asked[0].rstrip("M")), "the second attempt asks for twice the memory"
    assert second["activeDeadlineSeconds"] == 2 * first["activeDeadlineSeconds"]
    assert len(cluster.jobs) < 10 and not cluster.deleted, "small jobs go together"
    code, output = ended(start(project, "--cores", "2", "--forceall"))
    assert code == 0 and b"wiener" in table and (project / "results/table1.csv").read_bytes() == table, output


def test_a_cluster_that_refuses_is_quoted(project: Path, cluster: Cluster) -> None:
    cluster.refuses = True
    code, output = ended(start(project, *PROFILE, "--retries", "0"))
    assert code and re.search(r"did not take the Job run-\w+-\w+: 403 .*exceeded quota", output), output


def test_ctrl_c_deletes_what_works_and_until_it_is_gone_nobody_else_begins(project: Path, cluster: Cluster) -> None:
    cluster.holds = True
    process = start(project, *PROFILE)
    while not cluster.jobs and process.poll() is None:
        time.sleep(0.2)
    code, output = ended(start(project, *PROFILE, "--nolock"))
    assert code and re.search(r"1 Jobs of an earlier run still work in this folder, run-.*kubectl delete jobs -n faces -l ", output), output
    process.send_signal(signal.SIGINT)
    code, output = ended(process)
    assert code and cluster.deleted == list(cluster.jobs), output


def test_without_a_cluster_it_says_what_it_expected(project: Path) -> None:
    code, output = ended(start(project, *PROFILE, kube="none"))
    assert code and "Found no Kubernetes cluster, expected a pod of one, or a kubeconfig" in output, output


def test_what_a_job_asks_for_is_in_its_manifest() -> None:
    template = plugin.read_manifest(PACKAGE / "profile/job.yaml")
    made = plugin.job_manifest(template, {"_cores": 4, "mem_mb": 8000, "runtime": 120, "gpu": 1, "exclusive": 1}, "nvidia.com/gpu", "true")
    pod = made["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "4", "memory": "8000M"},
        "limits": {"memory": "8000M", "nvidia.com/gpu": "1"},
    }
    assert pod["activeDeadlineSeconds"] == 7200 and made["spec"]["backoffLimit"] == 0 and pod["restartPolicy"] == "Never"
    assert pod["containers"][0]["command"] == ["/bin/sh", "-c", "true"] and "podAntiAffinity" in pod["affinity"]
    plain = json.dumps(plugin.job_manifest(template, {"_cores": 1, "gpu": 0}, "nvidia.com/gpu", "true"))
    assert "nvidia" not in plain and "affinity" not in plain
    assert "resources" not in template["spec"]["template"]["spec"]["containers"][0], "the template stays as it is"


def test_a_job_has_ended_only_when_no_pod_of_it_can_write() -> None:
    failed = plugin.client.V1JobCondition(type="Failed", status="True", reason="DeadlineExceeded", message="too long")
    status = plugin.client.V1JobStatus(active=1, conditions=[failed])
    assert plugin.job_state(status) == "active"
    status.active = None
    assert plugin.job_state(status) == "failed (DeadlineExceeded: too long)"


@pytest.mark.parametrize(
    ("text", "found"),
    [("kind: Pod\nspec: {template: {spec: {containers: [{}]}}}", "kind Pod"), ("kind: Job", "KeyError"), ("[", "ParserError")],
)
def test_a_manifest_that_is_none_is_named(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises(WorkflowError, match=rf"job\.yaml: expected a Job .*{found}"):
        plugin.read_manifest(tmp_path / "job.yaml")


def test_the_driver_s_volume_and_python_are_the_jobs_and_it_may_do_what_the_executor_asks() -> None:
    documents = {document["kind"]: document for document in yaml.safe_load_all((PACKAGE / "profile/driver.yaml").read_text())}
    may = {(resource, verb) for rule in documents["Role"]["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    calls = re.findall(r"\.(create|list|delete)_namespaced_(job|pod)\(", Path(str(plugin.__file__)).read_text())
    assert may == {(f"{kind}s", verb) for verb, kind in calls}
    job = plugin.read_manifest(PACKAGE / "profile/job.yaml")["spec"]["template"]["spec"]
    driver = documents["Pod"]["spec"]
    assert job["containers"][0]["image"] == driver["containers"][0]["image"], "one Python for .venv"
    assert driver["containers"][0]["volumeMounts"][0] in job["containers"][0]["volumeMounts"]
    assert documents["PersistentVolumeClaim"]["metadata"]["name"] == job["volumes"][0]["persistentVolumeClaim"]["claimName"]
