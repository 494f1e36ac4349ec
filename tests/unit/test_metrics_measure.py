"""Measuring folders: pairing by id, failures kept, score files that the table reads, paired resamples."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from clrface.errors import UserError
from clrface.evaluation.measure import measure
from clrface.images import to_unit, write_png
from clrface.metrics.registry import load_metric
from clrface.stats.bootstrap import Resampling, bootstrap_indices
from clrface.tables.scores import read_replicates, read_scores

N_BOOT = 20


class Run:
    """Two chunks of restored faces (the faces made darker, each by its own amount) and the ground truth."""

    def __init__(self, root: Path, faces: dict[str, np.ndarray], sources: Path):
        self.faces = dict(list(faces.items())[:6])
        self.ids = list(self.faces)
        self.sources = sources
        self.pred = [root / "restored" / name for name in ("000", "001")]
        self.ref = [root / "aligned" / name for name in ("000", "001")]
        self.out = root / "scores"
        for place, (image_id, face) in enumerate(self.faces.items()):
            write_png(self.pred_of(image_id), self.restored(place, face))
            write_png(self.ref[place // 3] / f"{image_id}.png", face)

    def restored(self, place: int, face: np.ndarray) -> np.ndarray:
        return face - np.minimum(face, place + 1).astype(np.uint8)

    def pred_of(self, image_id: str) -> Path:
        return self.pred[self.ids.index(image_id) // 3] / f"{image_id}.png"

    def fail(self, image_id: str, reason: str) -> None:
        """As a restorer reports an image that it could not restore."""
        path = self.pred_of(image_id)
        path.unlink()
        others = [other for other in self.ids if other != image_id and self.pred_of(other).parent == path.parent]
        with (path.parent / "status.csv").open("w", newline="") as handle:
            csv.writer(handle).writerows([("image_id", "status"), *((other, "ok") for other in others), (image_id, reason)])

    def __call__(self, metric: str, batch: int = 16, truth: bool = True) -> Path:
        out = self.out / f"{metric}.csv"
        measure(metric, self.pred, self.ref if truth else None, self.ids, self.sources, out, Resampling(0, "orl", N_BOOT), batch)
        return out


@pytest.fixture
def run(tmp_path: Path, orl_faces: dict[str, np.ndarray], sources: Path) -> Run:
    return Run(tmp_path, orl_faces, sources)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.reader(handle))


def test_an_image_metric_writes_a_row_an_image(run: Run) -> None:
    header, *rows = rows_of(run("psnr"))
    assert header == ["image_id", "value", "status"]
    assert [row[0] for row in rows] == sorted(run.ids)
    for image_id, value, status in rows:
        assert status == "ok"
        ref = run.faces[image_id].astype(int)
        pred = run.restored(run.ids.index(image_id), run.faces[image_id])
        assert float(value) == pytest.approx(10 * math.log10(255**2 / ((pred - ref) ** 2).mean()), abs=1e-9)


def test_the_table_reads_what_is_written(run: Run) -> None:
    scores = read_scores(run("psnr"), "image")
    assert set(scores.values) == set(run.ids)
    assert not scores.failures
    of_set = read_scores(run("kd_effnet"), "set")
    assert read_replicates(of_set, N_BOOT).shape == (N_BOOT,)


def test_an_infinite_value_is_read_back(run: Run) -> None:
    write_png(run.pred_of(run.ids[0]), run.faces[run.ids[0]])
    assert read_scores(run("psnr"), "image").values[run.ids[0]] == math.inf


def test_a_failed_image_keeps_its_row_and_its_reason(run: Run) -> None:
    run.fail(run.ids[4], "restorer raised: out of memory, twice")
    scores = read_scores(run("psnr"), "image")
    assert scores.failures == {run.ids[4]: "restorer raised: out of memory, twice"}
    assert set(scores.values) == set(run.ids)
    assert math.isnan(scores.values[run.ids[4]])


def test_an_image_of_another_size_keeps_its_row_and_the_reason(run: Run) -> None:
    write_png(run.pred_of(run.ids[1]), np.zeros((32, 64, 3), np.uint8))
    scores = read_scores(run("psnr", batch=2), "image")
    assert scores.failures == {run.ids[1]: "wrong shape: found 3x32x64, ground truth has 3x64x64"}
    assert sum(math.isfinite(value) for value in scores.values.values()) == 5


def test_a_metric_without_reference_measures_images_of_any_size(run: Run) -> None:
    write_png(run.pred_of(run.ids[1]), run.faces[run.ids[1]][:48, :48].copy())
    scores = read_scores(run("niqe", truth=False), "image")
    assert not scores.failures
    assert all(math.isfinite(value) for value in scores.values.values())


def test_an_image_without_ground_truth_says_so(run: Run) -> None:
    image_id = run.ids[0]
    (run.ref[0] / f"{image_id}.png").unlink()
    rows = "".join(f"{other},ok,abc\n" for other in run.ids[1:3])
    (run.ref[0] / "index.csv").write_text(f"image_id,status,sha256\n{image_id},no face found,\n{rows}")
    assert read_scores(run("psnr"), "image").failures == {image_id: "no ground truth: no face found"}


def test_batches_do_not_change_the_file(run: Run) -> None:
    assert run("ssim", batch=1).read_text() == run("ssim", batch=4).read_text()


def test_replicates_are_the_metric_on_the_tables_resamples(run: Run) -> None:
    scores = read_scores(run("fd_effnet"), "set")
    ids = sorted(run.ids)
    pred = np.stack([run.restored(run.ids.index(image_id), run.faces[image_id]) for image_id in ids])
    metric = load_metric("fd_effnet", run.sources)
    metric.update(to_unit(pred), to_unit(np.stack([run.faces[image_id] for image_id in ids])))
    indices = bootstrap_indices(0, "orl", N_BOOT, len(ids))
    assert scores.values["*"] == pytest.approx(metric.result(), rel=1e-4)
    assert read_replicates(scores, N_BOOT) == pytest.approx([metric.result(row) for row in indices], rel=1e-4)


def test_a_failed_image_is_left_out_of_the_set_and_of_the_resamples_that_draw_it(run: Run) -> None:
    failed = sorted(run.ids)[2]
    run.fail(failed, "restorer raised")
    out = run("fd_effnet")
    scores = read_scores(out, "set")
    assert scores.failures == {failed: "restorer raised"}
    assert [row[0] for row in rows_of(out)[1:]] == ["*", failed]
    kept = [image_id for image_id in sorted(run.ids) if image_id != failed]
    metric = load_metric("fd_effnet", run.sources)
    pred = np.stack([run.restored(run.ids.index(image_id), run.faces[image_id]) for image_id in kept])
    metric.update(to_unit(pred), to_unit(np.stack([run.faces[image_id] for image_id in kept])))
    indices = bootstrap_indices(0, "orl", N_BOOT, len(run.ids))
    expected = [metric.result(np.array([place - (place > 2) for place in row if place != 2])) for row in indices]
    assert read_replicates(scores, N_BOOT) == pytest.approx(expected, rel=1e-4)


def test_a_set_of_failures_has_no_value_but_the_reasons(run: Run) -> None:
    for image_id in run.ids:
        write_png(run.pred_of(image_id), np.zeros((8, 8, 3), np.uint8))
    out = run("kd_effnet")
    scores = read_scores(out, "set")
    assert len(scores.failures) == 6
    assert rows_of(out)[1] == ["*", "", "too few images: 0 could be measured"]
    assert len(rows_of(run.out / "kd_effnet.replicates.csv")) == N_BOOT + 1


def missing(run: Run) -> None:
    run.pred_of(run.ids[3]).unlink()


def extra(run: Run) -> None:
    write_png(run.pred[0] / "stranger.png", run.faces[run.ids[0]])


def missing_truth(run: Run) -> None:
    (run.ref[0] / f"{run.ids[0]}.png").unlink()


def doubled(run: Run) -> None:
    write_png(run.pred[1] / f"{run.ids[0]}.png", run.faces[run.ids[0]])


def truncated(run: Run) -> None:
    path = run.pred_of(run.ids[2])
    path.write_bytes(path.read_bytes()[:200])


def contradicting(run: Run) -> None:
    (run.pred[0] / "status.csv").write_text(f"image_id,status\n{run.ids[0]},restorer raised\n")


def garbled(run: Run) -> None:
    (run.pred[0] / "status.csv").write_text("id,state\nx,y\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing, r"Found 5 images in .*restored.*expected these 6 by name: missing \(1\): s2_2"),
        (extra, r"not expected \(1\): stranger"),
        (missing_truth, r"aligned.*missing \(1\): s1_1"),
        (doubled, r"Image 's1_1' lies in .*000 and in .*001"),
        (truncated, r"Can't read .*s2_1\.png as an image"),
        (contradicting, r"s1_1\.png exists, but its status says 'restorer raised'"),
        (garbled, r"status\.csv has a row without image_id or status"),
    ],
)
def test_folders_that_do_not_pair_are_refused_by_name(run: Run, spoil: Callable[[Run], None], message: str) -> None:
    spoil(run)
    with pytest.raises(UserError, match=message):
        run("psnr")
    assert not run.out.exists()


def test_a_metric_that_compares_needs_ground_truth(run: Run) -> None:
    with pytest.raises(UserError, match="Metric 'psnr' compares with the ground truth, and 'orl' has none"):
        run("psnr", truth=False)


def test_an_unknown_metric_is_refused(run: Run) -> None:
    with pytest.raises(UserError, match=r"Unknown metric 'lpips'. Did you mean 'lpips_vgg'\?"):
        run("lpips")


def test_clean_faces_need_be_of_no_pair(run: Run, tmp_path: Path, sources: Path) -> None:
    """Three faces stay clean; the distance of the restored set from them, with a failure kept."""
    run.fail(run.ids[0], "it broke")
    out = tmp_path / "scores" / "kd_effnet_clean.csv"
    measure("kd_effnet_clean", run.pred, run.ref[1:], run.ids, sources, out, Resampling(0, "orl", N_BOOT))
    scores = read_scores(out, "set")
    assert math.isfinite(scores.values["*"]) and scores.failures == {run.ids[0]: "it broke"}
    assert np.isfinite(read_replicates(scores, N_BOOT)).any()
    with pytest.raises(UserError, match=r"Found 0 clean faces to compare with\. Name a test set as the dataset's `reference`"):
        measure("kd_effnet_clean", run.pred, [], run.ids, sources, out, Resampling(0, "orl", N_BOOT))


def test_inputs_may_lack_what_could_not_be_aligned(run: Run, tmp_path: Path, sources: Path) -> None:
    run.fail(run.ids[0], "no face found")
    (run.ref[0] / f"{run.ids[0]}.png").unlink()
    out = tmp_path / "scores" / "idd_dlib_input.csv"
    measure("idd_dlib_input", run.pred, run.ref, run.ids, sources, out, Resampling(0, "orl", N_BOOT))
    assert read_scores(out, "image").failures == {run.ids[0]: "no face found"}
    (run.ref[1] / f"{run.ids[-1]}.png").unlink()
    with pytest.raises(UserError, match=run.ids[-1]):
        measure("idd_dlib_input", run.pred, run.ref, run.ids, sources, out, Resampling(0, "orl", N_BOOT))
