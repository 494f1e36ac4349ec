"""Test sets: chunks, what aligning reads and is told, galleries, and digests that change with the images."""

import shlex

import pytest

from clrface.errors import UserError
from clrface.plan import datasets
from clrface.plan.parts import Dataset


def test_a_manifest_s_images_are_cut_into_chunks(plan):
    chunks = datasets.chunk_images(plan, "orl")
    assert [len(chunk) for chunk in chunks.values()] == [60, 60]
    assert chunks["000"][0].image_id == "s1_1" and chunks["000"][3].image_id == "s2_1"
    assert datasets.aligned_chunks(plan, "orl") == ["data/aligned/orl/000", "data/aligned/orl/001"]
    assert datasets.degraded_chunks(plan, "orl", "x4")[1] == "data/degraded/orl/x4/001"


def test_a_set_whose_names_are_unknown_is_cut_by_place(paper):
    chunks = datasets.chunk_images(paper, "celeba_test")
    assert list(chunks) == [f"{index:03d}" for index in range(12)] and chunks["011"][-1] == 2999


def test_aligning_reads_the_faces_and_what_finds_them(plan, paper):
    assert datasets.align_inputs(plan, "orl") == ["data/raw/dlib/SOURCE.json", "data/raw/orl/SOURCE.json"]
    assert datasets.align_inputs(paper, "celeba_test") == ["data/raw/celeba_test/SOURCE.json"], "it comes aligned"
    assert datasets.align_inputs(paper, "lfw") == ["data/raw/dlib/SOURCE.json", "data/raw/lfw/SOURCE.json"]


def test_the_words_of_aligning(plan, paper, planner, images):
    assert datasets.align_args(plan, "orl", "001") == (
        "--dataset orl --chunk-size 60 --manifest clrface/catalogue/manifests/orl.csv --raw data/raw/orl --splits test --identities 40 "
        "--images-per-identity 3 --fallback centre --chunk 1 --size 64 --template utkface"
    )
    assert "--manifest data/raw/celeba_test/manifest.csv" in datasets.align_args(paper, "celeba_test", "000")
    own = planner(datasets={"mine": {"folder": str(images), "align": False}})
    words = shlex.split(datasets.align_args(own, "mine", "000"))
    assert words[words.index("--folder") + 1] == str(images) and "--aligned" in words


def test_a_chunk_s_digest_changes_with_its_images_alone(plan, planner):
    first = datasets.chunk_digest(plan, "orl", "000")
    assert first == datasets.chunk_digest(planner(base_seed=7), "orl", "000")
    assert first != datasets.chunk_digest(plan, "orl", "001")
    assert first != datasets.chunk_digest(planner(datasets={"orl": {"images_per_identity": 2}}), "orl", "000")
    with pytest.raises(UserError, match="'orl' has no chunk 009, but 000 to 001, of 60 images each"):
        datasets.chunk_digest(plan, "orl", "009")


def test_a_folder_s_digest_changes_with_an_image(planner, images):
    def digest():
        return datasets.chunk_digest(planner(datasets={"mine": {"folder": str(images)}}), "mine", "000")

    before = digest()
    assert before == digest()
    (images / "a.png").write_bytes((images / "b.png").read_bytes())
    assert before != digest()


def test_an_empty_split_is_told():
    with pytest.raises(UserError, match="'orl' has no image of the split val, but of test"):
        datasets.entries(Dataset("orl", {"split": "val"}))


def test_galleries_are_the_last_photographs_or_the_set_itself(plan, paper):
    words = shlex.split(datasets.gallery_args(plan, "orl"))
    assert "--last" in words and words[words.index("--images-per-identity") + 1] == "4"
    assert datasets.gallery_of(plan, "orl") == ["data/gallery/orl"]
    assert datasets.gallery_of(paper, "lfw") == datasets.aligned_chunks(paper, "lfw"), "LFW's list says who is compared"
    assert datasets.pair_list(paper, "lfw") == "data/raw/lfw_pairs/pairs.txt" and datasets.pair_list(plan, "orl") == ""


def test_who_can_t_be_recognised_is_told(plan, paper, planner, images):
    with pytest.raises(UserError, match="The people in 'celeba_test' are unknown"):
        datasets.gallery_args(paper, "celeba_test")
    with pytest.raises(UserError, match="The folder of 'mine' doesn't name its people"):
        datasets.gallery_args(planner(datasets={"mine": {"folder": str(images)}}), "mine")
    with pytest.raises(UserError, match=r"lfw25: \{gallery: 4\}"):
        datasets.gallery_args(plan, "lfw25")


def test_how_faces_are_aligned(plan, paper, planner, images):
    assert datasets.aligned_as(plan, plan.dataset("orl")) == "utkface" and datasets.aligned_as(paper, paper.dataset("lfw")) == "ffhq"
    own = planner(datasets={"mine": {"folder": str(images), "align": False}})
    assert datasets.aligned_as(own, own.dataset("mine")) == ""


def test_lfw_s_photographs_are_verified_by_its_own_pairs(planner):
    real = planner("real")
    assert datasets.pair_list(real, "lfw_deepfunneled") == "data/raw/lfw_pairs/pairs.txt"
    assert datasets.gallery_of(real, "lfw_deepfunneled") == datasets.aligned_chunks(real, "lfw_deepfunneled")
    assert len(datasets.entries(real.dataset("lfw_deepfunneled"))) == 7701
    assert "lfw_pairs" in real.needed


def test_the_real_profile_s_faces_are_of_as_many_people(planner):
    real = planner("real")
    for name, count in (("lfw_devtest", 200), ("frl_london", 34)):
        people = [entry.identity for entry in datasets.entries(real.dataset(name))]
        assert len(people) == len(set(people)) == count
    assert "--last" in datasets.gallery_args(real, "frl_london") and datasets.pair_list(real, "frl_london") == ""
    assert "--fallback lfw" in datasets.align_args(real, "lfw_devtest", "000")
    assert "--fallback" not in datasets.align_args(real, "frl_london", "000"), "its faces are found"
