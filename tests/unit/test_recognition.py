"""Recognition: shares worked out by hand, failures that never pay, people as the unit, and controls on real faces."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clrface.align.chunk import align_chunk
from clrface.errors import UserError
from clrface.evaluation.recognise import Gallery, compare_faces, recognise
from clrface.fingerprint import ROOT
from clrface.images import read_rgb, to_unit, write_png
from clrface.manifest import read_manifest, select
from clrface.metrics.recognition import Accuracy, RankOne
from clrface.metrics.verification import (
    Comparison,
    Curve,
    Listed,
    Operating,
    Pairs,
    balanced_accuracy,
    best_threshold,
    cross_validated,
    equal_error_rate,
    people_folds,
    rank_one,
    tar_at,
)
from clrface.pairs import Pair, named_in, read_pairs
from clrface.report.roc import Line, Panel, roc_figure
from clrface.stats.bootstrap import Resampling, people_counts
from clrface.tables.compare import Draws
from clrface.tables.scores import read_replicates, read_scores

INF = math.inf
RECOGNITION = ["accuracy_dlib", "tar_far1e2_dlib", "tar_far1e3_dlib", "eer_dlib", "rank1_dlib"]


def curve(genuine: list[float], impostor: list[float], weights: list[float] | None = None) -> Curve:
    similarity = np.array([*genuine, *impostor], float)
    same = np.arange(len(similarity)) < len(genuine)
    return Operating(similarity, same).curve(np.ones(len(similarity)) if weights is None else np.array(weights, float))


# ---- verification, by hand


def test_shares_of_a_handful_of_pairs() -> None:
    found = curve([0.9, 0.8, 0.6, 0.3], [0.7, 0.2, 0.1, 0.05])
    assert found.threshold.tolist() == [INF, 0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1, 0.05]
    assert found.tar.tolist() == [0, 0.25, 0.5, 0.5, 0.75, 1, 1, 1, 1]
    assert found.far.tolist() == [0, 0, 0, 0.25, 0.25, 0.25, 0.5, 0.75, 1]
    assert tar_at(found, 0.01) == 0.5, "no threshold lets between none and a quarter of the strangers pass"
    assert tar_at(found, 0.25) == 1
    assert equal_error_rate(found) == 0.25


@pytest.mark.parametrize(
    ("genuine", "impostor", "expected"),
    [
        ([2, 3], [0, 1], 0),
        ([0, 1], [2, 3], 1),
        ([1, 1], [1, 1], 0.5),
        ([5, 3, 3], [3, 3, 0], 1 / 3),  # from (FAR 0, FRR 2/3) straight to (2/3, 0)
        ([2, -INF], [1, 0], 0.5),
        ([-INF, -INF], [1, 0], 1),
    ],
)
def test_equal_error_rate(genuine: list[float], impostor: list[float], expected: float) -> None:
    assert equal_error_rate(curve(genuine, impostor)) == pytest.approx(expected)


def test_ties_are_accepted_together() -> None:
    found = curve([1, 1], [1, 0])
    assert (found.threshold.tolist(), found.tar.tolist(), found.far.tolist()) == ([INF, 1, 0], [0, 1, 1], [0, 0.5, 1])


def test_a_weight_is_a_repetition() -> None:
    weighted, repeated = curve([3, 1], [2, 0], [2, 1, 3, 1]), curve([3, 3, 1], [2, 2, 2, 0])
    assert weighted.tar == pytest.approx(repeated.tar) and weighted.far == pytest.approx(repeated.far)


def test_nothing_to_compare_is_no_number() -> None:
    assert all(math.isnan(value) for value in (tar_at(curve([1], []), 0.1), equal_error_rate(curve([], [1]))))


def test_any_growing_change_of_scale_leaves_the_shares() -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(1, 1, 40), rng.normal(0, 1, 400)
    plain, bent = (curve(list(f(genuine)), list(f(impostor))) for f in (lambda x: x, lambda x: np.exp(3 * x) - 7))
    assert plain.tar == pytest.approx(bent.tar) and plain.far == pytest.approx(bent.far)


def test_equal_error_rate_of_two_normal_distributions() -> None:
    rng = np.random.default_rng(1)
    found = equal_error_rate(curve(list(rng.normal(2, 1, 20000)), list(rng.normal(0, 1, 20000))))
    assert found == pytest.approx(0.158655, abs=0.005), "the normal distribution's share beyond one deviation"


def test_the_threshold_lies_half_way_to_the_next_similarity() -> None:
    assert best_threshold(np.array([8.0, 3, 4, 2]), np.array([True, True, False, False])) == 6
    assert best_threshold(np.array([1.0]), np.array([False])) == INF, "strangers alone: nobody passes"
    assert best_threshold(np.array([3.0, 1]), np.array([False, True])) == INF, "a judge worse than guessing lets nobody pass"


def accuracy(similarity: list[float], genuine: list[bool], fold: list[int]) -> float:
    """Of listed pairs: each of one person, or of two, who come in no other."""
    same, count = np.array(genuine), len(genuine)
    first, second = np.arange(count), np.where(same, np.arange(count), count + np.arange(count))
    listed = Listed.of(np.array(similarity, float), same, first, second, np.array(fold))
    none = np.zeros((0, 0))
    everyone = np.arange(2 * count)
    return Accuracy(Comparison(none, everyone, everyone, everyone, none.astype(bool), listed)).result(np.ones(2 * count, int))


def test_accuracy_in_lfws_way() -> None:
    """Fold 1 sets the threshold (8 + 4) / 2 = 6, by which fold 0 is right throughout; fold 0 sets 6 as well, and fold 1's 3 is missed."""
    assert accuracy([9, 7, 5, 1, 8, 3, 4, 2], [True, True, False, False] * 2, [0] * 4 + [1] * 4) == pytest.approx(87.5)


def test_a_missing_image_never_helps_accuracy() -> None:
    genuine, fold = [True, True, False, False] * 2, [0] * 4 + [1] * 4
    assert accuracy([9, 7, 3, 1, 8, 6, 3, 2], genuine, fold) == 100
    assert accuracy([-INF, 7, -INF, 1, 8, 6, 3, 2], genuine, fold) == pytest.approx(100 * (3 / 4 + 3 / 3) / 2), "missed, and not counted"


def test_folds_share_no_person() -> None:
    people = np.array([(a, b) for a in range(8) for b in range(8)])
    pairs = Pairs(np.zeros(64), people[:, 0] == people[:, 1], people[:, 0], people[:, 1])
    test, train = people_folds(pairs, 8)
    assert len(test) == 4 and not (test & train).any()
    for tested, trained in zip(test, train, strict=True):
        assert not set(people[tested].ravel()) & set(people[trained].ravel())
        assert pairs.genuine[tested].any() and (~pairs.genuine[tested]).any()
    assert (test.sum(0) <= 1).all()


def test_accuracy_counts_both_kinds_of_pairs_alike() -> None:
    genuine = np.array([True, False, False, False, False])
    assert balanced_accuracy(np.array([0.0, 1, 1, 1, 1]), genuine, np.ones(5)) == 0.5, "always 'two people' is a guess"
    right = cross_validated(np.zeros(5), genuine, np.zeros((1, 5), bool), np.ones((1, 5), bool))
    assert np.isnan(right).all() and math.isnan(balanced_accuracy(right[0], genuine, np.ones(5)))
    right = cross_validated(np.zeros(5), genuine, np.ones((1, 5), bool), ~genuine[None])
    assert np.isnan(right).all(), "strangers alone teach no threshold"


# ---- identification and pairs, by hand


def comparison(similarity: list[list[float]], itself: list[list[int]] | None = None) -> Comparison:
    """Probes of the people 0, 0, 1 against two photographs each of 0 and 1."""
    table = np.array(similarity, float)
    own = np.zeros(table.shape, bool) if itself is None else np.array(itself, bool)
    return Comparison(table, np.array([0, 0, 1]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), own)


def test_rank_one_over_galleries_of_one_photograph_a_person() -> None:
    faces = comparison([[9, 2, 1, 8], [3, 3, 3, 1], [0, 0, 5, 5]])
    hits, asked = rank_one(faces)
    assert hits.tolist() == [0.5, 0.5, 1] and asked.all(), "8 beats 2 in the second gallery; a tie with a stranger is no hit"
    rate = {people: RankOne(faces).result(np.array(people)) for people in ((1, 1), (1, 3), (0, 1))}
    assert rate == pytest.approx({(1, 1): 200 / 3, (1, 3): 80, (0, 1): 100})


def test_a_photograph_is_not_compared_with_itself() -> None:
    faces = comparison([[0, 2, 1, 1], [3, 3, 1, 1], [0, 0, 5, 5]], [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert rank_one(faces)[0].tolist() == [1, 1, 1]
    assert len(faces.pairs().similarity) == 11 and faces.pairs().genuine.sum() == 5


def test_a_probe_without_an_image_is_never_recognised_and_turns_no_stranger_away() -> None:
    faces = comparison([[-INF] * 4, [3, 3, 1, 1], [0, 0, 5, 5]])
    pairs = faces.pairs()
    assert pairs.genuine.sum() == 6 and (~pairs.genuine).sum() == 4
    assert rank_one(faces)[0].tolist() == [0, 1, 1]
    assert tar_at(Operating(pairs.similarity, pairs.genuine).curve(np.ones(10)), 0.001) == pytest.approx(4 / 6)


def test_people_are_drawn_with_all_their_photographs() -> None:
    pairs = comparison([[1] * 4] * 3).pairs()
    assert pairs.weights(np.array([2, 3])).tolist() == [2, 2, 6, 6, 2, 2, 6, 6, 6, 6, 3, 3]
    assert pairs.weights(np.array([2, 0])).sum() == 8
    draws = people_counts(0, "orl", 50, 6)
    assert draws.shape == (50, 6) and (draws.sum(1) == 6).all()
    assert np.array_equal(draws, Draws(0, "orl", 50, {}).counts(list("abcdef"))), "the same people as `clrface compare` draws"


# ---- LFW's list of pairs


def listed(folds: int = 2, size: int = 2) -> list[str]:
    lines = [f"{folds}\t{size}"]
    for fold in range(folds):
        lines += [f"Anna_{fold}\t{i + 1}\t{i + 11}" for i in range(size)]
        lines += [f"Anna_{fold}\t{i + 1}\tBert_{fold}\t{i + 1}" for i in range(size)]
    return lines


def test_pairs_are_read_as_lfw_writes_them(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("\n".join(listed(10, 300)) + "\n")
    pairs = read_pairs(tmp_path / "pairs.txt")
    assert len(pairs) == 6000 and sum(pair.genuine for pair in pairs) == 3000
    assert pairs[0] == Pair(0, "Anna_0_0001", "Anna_0_0011", True)
    assert pairs[-1] == Pair(9, "Anna_9_0300", "Bert_9_0300", False)
    assert {pair.fold for pair in pairs} == set(range(10)) and len(named_in(pairs)) == 10 * (310 + 300)
    genuine, fold = [pair.genuine for pair in pairs], [pair.fold for pair in pairs]
    assert accuracy([float(same) for same in genuine], genuine, fold) == 100
    assert accuracy([0.0] * 6000, genuine, fold) == 50


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (0, "10", r"line 1: found '10', but expected two numbers"),
        (0, "3\t2", r"has 8 pairs, but its first line promises 3 folds of 2 \+ 2: 12"),
        (1, "Anna_0\tone\t2", r"line 2: found 'Anna_0 one 2', but expected name, number, number \(one person\)"),
        (2, "Anna_0\t1\tBert_0\t1", r"line 3: .* expected name, number, number"),
        (3, "Anna_0\t1\t2", r"line 4: .* expected name, number, name, number \(two people\)"),
        (4, "Anna_0\t1\tAnna_0\t2", r"line 5: found 'Anna_0' twice, but expected two people"),
    ],
)
def test_a_wrong_list_is_told_with_its_line(tmp_path: Path, line: int, text: str, message: str) -> None:
    lines = listed()
    lines[line] = text
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    with pytest.raises(UserError, match=message):
        read_pairs(tmp_path / "pairs.txt")
    with pytest.raises(UserError, match=r"No list of pairs at .*other\.txt"):
        read_pairs(tmp_path / "other.txt")


# ---- on real faces


class Faces:
    """Six people of ORL: two probes each, and a gallery of two other photographs each."""

    def __init__(self, root: Path, probes: dict[str, np.ndarray], gallery: Path, sources: Path):
        self.root, self.sources, self.probes = root, sources, probes
        people = {entry.image_id: entry.identity for entry in read_manifest(ROOT / "clrface/catalogue/manifests/orl.csv")}
        self.gallery = Gallery([gallery], people)

    def write(self, name: str, side_px: int = 64, leave: tuple[str, ...] = ()) -> list[Path]:
        """The probes reduced to `side_px` and enlarged again; those in `leave` have no image but a reason."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        for image_id, face in self.probes.items():
            if image_id not in leave:
                small = Image.fromarray(face).resize((side_px, side_px), Image.Resampling.BICUBIC)
                write_png(folder / f"{image_id}.png", np.asarray(small.resize((64, 64), Image.Resampling.BICUBIC)))
        rows = [f"{image_id},{'it broke' if image_id in leave else 'ok'}" for image_id in self.probes]
        (folder / "status.csv").write_text("\n".join(["image_id,status", *rows]) + "\n")
        return [folder]

    def measure(self, metric: str, folders: list[Path]) -> tuple[float, np.ndarray, dict[str, str]]:
        out = folders[0].parent / "scores" / folders[0].name / f"{metric}.csv"
        recognise(metric, folders, self.gallery, list(self.probes), self.sources, out, Resampling(0, "orl", 30), self.root / "cache")
        scores = read_scores(out, "set")
        return scores.values["*"], read_replicates(scores, 30), scores.failures


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory, orl_faces: dict[str, np.ndarray], sources: Path) -> Faces:
    root = tmp_path_factory.mktemp("recognition")
    entries = select(read_manifest(ROOT / "clrface/catalogue/manifests/orl.csv"), identities=6, images_per_identity=2, last=True)
    assert not {entry.image_id for entry in entries} & set(orl_faces)
    align_chunk(entries, sources / "orl", root / "gallery", 64, sources / "dlib", "centre")
    return Faces(root, orl_faces, root / "gallery", sources)


def test_the_truth_is_recognised_and_eight_pixels_are_not(faces: Faces) -> None:
    truth, coarse = faces.write("truth"), faces.write("coarse", 8)
    values = {metric: (faces.measure(metric, truth)[0], faces.measure(metric, coarse)[0]) for metric in RECOGNITION}
    assert values["rank1_dlib"][0] == 100 and values["accuracy_dlib"][0] > 95 and values["eer_dlib"][0] < 5
    for metric, (best, worse) in values.items():
        assert (worse > best) if metric == "eer_dlib" else (worse < best), metric
        assert 0 <= worse <= 100


def test_an_interval_holds_the_value_and_comes_again(faces: Faces) -> None:
    folders = faces.write("twelve", 12)
    for metric in RECOGNITION:
        value, replicates, failures = faces.measure(metric, folders)
        assert not failures and np.nanmin(replicates) <= value <= np.nanmax(replicates), metric
        assert np.array_equal(replicates, faces.measure(metric, folders)[1], equal_nan=True)


def test_a_failure_keeps_its_row_and_costs(faces: Faces) -> None:
    image_id = next(iter(faces.probes))
    truth, failed = faces.write("whole"), faces.write("failed", leave=(image_id,))
    value, _, failures = faces.measure("rank1_dlib", failed)
    assert failures == {image_id: "it broke"} and value == pytest.approx(100 * 11 / 12)
    assert faces.measure("tar_far1e3_dlib", failed)[0] < faces.measure("tar_far1e3_dlib", truth)[0]
    value, replicates, failures = faces.measure("eer_dlib", faces.write("none", leave=tuple(faces.probes)))
    assert math.isnan(value) and np.isnan(replicates).all() and len(failures) == 12


def test_the_order_of_folders_and_images_does_not_matter(faces: Faces) -> None:
    folders = faces.write("again", 16)
    ids = list(faces.probes)
    one, _ = compare_faces(folders, faces.gallery, ids, lambda images: images.mean((2, 3)))
    other, _ = compare_faces(folders, faces.gallery, ids[::-1], lambda images: images.mean((2, 3)))
    assert np.array_equal(one.similarity, other.similarity) and one.n_people == 6
    assert one.turns.tolist() == [0, 1] * 6


def test_an_unknown_person_is_told(faces: Faces) -> None:
    faces.write("strange")
    with pytest.raises(UserError, match=r"The person in 's1_1' is unknown \(24 photographs in all\)"):
        strangers = faces.gallery._replace(people={})
        recognise(
            "eer_dlib", [faces.root / "strange"], strangers, list(faces.probes), faces.sources, faces.root / "x.csv", Resampling(0, "o", 3)
        )


# ---- on real faces, by a list of pairs


@pytest.fixture(scope="module")
def by_list(faces: Faces) -> Faces:
    """The same probes, which are their own gallery: each person's two photographs, and its first with another's first, in two folds."""
    ids = sorted(faces.probes)
    people = sorted({faces.gallery.people[image_id] for image_id in ids})
    of = {person: [image_id for image_id in ids if faces.gallery.people[image_id] == person] for person in people}
    pairs = [Pair(place % 2, of[person][0], of[person][1], True) for place, person in enumerate(people)]
    pairs += [Pair(place % 2, of[person][0], of[people[place - 1]][0], False) for place, person in enumerate(people)]
    other = Faces(faces.root, faces.probes, faces.root, faces.sources)
    other.gallery = Gallery(faces.write("clean"), faces.gallery.people, pairs)
    return other


def test_listed_pairs_are_asked_about_both_ways_and_no_others(by_list: Faces) -> None:
    found, _ = compare_faces(by_list.write("blurred", 16), by_list.gallery, list(by_list.probes), lambda images: images.mean((2, 3)))
    assert found.listed is not None and len(found.pairs().similarity) == 24 and found.pairs().genuine.sum() == 12
    pair, places = (by_list.gallery.pairs or [])[0], [by_list.root / "blurred", by_list.gallery.folders[0]]
    ways = ((pair.first, pair.second), (pair.second, pair.first))
    means = [[to_unit(read_rgb(folder / f"{one}.png")).mean((1, 2)) for folder, one in zip(places, way, strict=True)] for way in ways]
    expected = [-np.linalg.norm(restored - clean) for restored, clean in means]
    assert found.pairs().similarity[:2] == pytest.approx(expected), "each restored once, and clean once"
    assert found.similarity.shape == (12, 6) and rank_one(found)[1].sum() == 6, "who has but the gallery's own photograph isn't asked about"


def test_the_truth_is_recognised_by_the_list_and_eight_pixels_are_not(by_list: Faces) -> None:
    truth, coarse = by_list.write("truth"), by_list.write("coarse", 8)
    for metric in RECOGNITION:
        (best, draws, _), (worse, _, _) = (by_list.measure(metric, folders) for folders in (truth, coarse))
        assert np.nanmin(draws) <= best <= np.nanmax(draws)
        assert (worse > best) if metric == "eer_dlib" else (worse < best), metric


def test_a_listed_probe_without_an_image_is_missed_by_its_own_and_turns_no_stranger_away(by_list: Faces) -> None:
    """Its genuine pair as probe counts at no similarity, its impostor pairs are left out; the other way about its clean image serves."""
    pair = (by_list.gallery.pairs or [])[0]
    folders = by_list.write("one gone", leave=(pair.first,))
    found, failures = compare_faces(folders, by_list.gallery, list(by_list.probes), lambda images: images.mean((2, 3)))
    similarity, genuine = found.pairs().similarity, found.pairs().genuine
    assert list(failures) == [pair.first] and genuine.sum() == 12 and (~genuine).sum() == 10
    assert similarity[0] == -INF and np.isfinite(similarity[1:]).all()


def test_a_listed_photograph_without_a_clean_image_is_as_if_not_restored(by_list: Faces) -> None:
    pair = (by_list.gallery.pairs or [])[0]
    gallery = by_list.gallery._replace(folders=by_list.write("not aligned", leave=(pair.first,)))
    found, _ = compare_faces(by_list.write("truth"), gallery, list(by_list.probes), lambda images: images.mean((2, 3)))
    assert found.pairs().similarity[0] > -INF and found.pairs().similarity[1] == -INF and (~found.pairs().genuine).sum() == 10


def test_a_list_of_other_photographs_is_told(by_list: Faces) -> None:
    pairs = [*(by_list.gallery.pairs or []), Pair(0, "Abel_Pacheco_0001", "Abel_Pacheco_0004", True)]
    strange = by_list.gallery._replace(pairs=pairs)
    with pytest.raises(UserError, match=r"set of 12 lacks a photograph of 1 of the 13 listed pairs: Abel_Pacheco_0001 or Abel_\w+, among"):
        compare_faces(by_list.write("truth"), strange, list(by_list.probes), lambda images: images.mean((2, 3)))


def test_the_image_of_the_curves(tmp_path: Path) -> None:
    lines = [
        Line("Ground truth", True, curve([3, 2], [1, 0])),
        Line("Mine", False, curve([3, 1], [2, 0])),
        Line("None", False, curve([], [])),
    ]
    target = tmp_path / "roc.png"
    roc_figure([Panel("orl, blind", lines), Panel("orl, x8", lines)], target)
    assert Image.open(target).width > 1000 and target.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    before = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    roc_figure([Panel("orl, blind", lines), Panel("orl, x8", lines)], target)
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == before and len(before) == 2
