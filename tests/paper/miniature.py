"""The paper's preset in miniature: twelve faces of every set in the official archives, random weights in the official files.

All is served from the loopback. What else differs from a real run is below: fewer images, rows, degradations, variants and resamples,
narrower networks trained for two steps by one process. The sets' names, archives, checks, protocols, metrics and rivals are the real ones.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import yaml

from clrface.align.chunk import align_chunk
from clrface.fingerprint import ROOT
from clrface.images import read_rgb
from clrface.manifest import read_manifest, select, split_of
from clrface.seeds import generator
from tests.copies import blurred, copy_project, lfw, png
from tests.shelf import CLOSED, Shelf, sum_of, tarred, zipped
from tests.unit.official_weights import RIVALS, write_all, write_rival

SIDE_PX = 512
FACES = 12
TAKEN = 2
"""Of the twelve, how many are restored and measured; LFW's pairs want them all."""
LFW_FACE_PX = 170
"""The side of an aligned face in LFW's photographs."""
SETS = {
    "celeba_test": "celeba_512_validation/{:08d}.png",
    "celeba_test_lq_gfpgan": "celeba_512_validation_lq/{:08d}.png",
    "celeba_test_lq_daefr": "self_celeba_512_v2/{:08d}.png",
    "lfw_test": "lfw_cropped_faces/cropped_faces/Person_{:04d}_00.png",
    "webphoto_test": "WebPhoto-Test/{:05d}_00.png",
    "wider_test": "Wider-Test/{:04d}.png",
    "celebchild_test": "CelebChild-Test/{:03d}.png",
}
"""How the archives name their images."""
INDEX = ("dlib", "effnet", "lpips", "niqe", "niqe_official", "sface", "stlpips")
"""Sources from the package index, which the tests have."""

FEW = {"steps": 2, "batch": 1, "warmup": 1, "checkpoint_every": 2, "sample_every": 2, "log_every": 1}
GROUPS = {"layers": 1, "norm_groups": 4}
HEADS = {**GROUPS, "head_dim": 4}
UNET = {**FEW, "network": {"channels": [8] * 5, **HEADS}}
LESS: dict[str, Any] = {
    "sweeps": {"steps": None},
    "tables": {"table2": None, "table3": None, "table5": None},
}
"""Taken off before CONFIG is laid over: else the preset's variants and grids would stay beside its own."""
CONFIG: dict[str, Any] = {
    "bootstrap": 20,
    "batch": 2,
    "datasets": {
        "celeba_test": {"images": TAKEN},
        **{name: {"images": TAKEN} for name in ("lfw_test", "webphoto_test", "wider_test", "celebchild_test")},
    },
    "methods": {"pixel_diffusion": {"steps": 2}},
    "clrface": {"steps": 2, "guidance_every": 1},
    "tables": {
        "table1": {
            "methods": ["input", "ground_truth", "unet", "codebook", "pixel_diffusion", *RIVALS, "difface", "clrface"],
        },
        "table2": {
            "datasets": ["celeba_test"],
            "degradations": ["x32", "colourise"],
            "methods": ["input", "unet_gan", "codeformer", "clrface"],
        },
        "table3": {
            "datasets": ["lfw_test", "webphoto_test", "wider_test", "celebchild_test"],
            "degradations": ["as_is"],
            "protocol": "paper_real_world",
            "methods": ["input", "codeformer", "clrface"],
        },
        "table4": {"methods": ["input", "ground_truth", "unet", "clrface"]},
        "table5": {
            "datasets": ["celeba_test"],
            "degradations": ["gfpgan_lq"],
            "protocol": "vqfr_uncorrected",
            "methods": ["clrface"],
            "variants": {
                "unguided": {"clrface": {"guidance": "none"}},
                "from_noise": {"clrface": {"start": "noise"}},
                "f8_short": {"clrface": {"latents": "f8_short", "guidance": "none", "residual": 0.0, "t0": 0.3}},
            },
        },
    },
    "sweeps": {
        "steps": {
            "dataset": "celeba_test",
            "degradation": "gfpgan_lq",
            "images": TAKEN,
            "grid": {"start": ["irn", "noise"], "steps": [1, 2]},
            "base": {"guidance": "none", "t0": 0.3},
            "along": "evaluations",
            "metrics": ["psnr", "lpips_vgg", "ids_arcface_r50"],
        }
    },
    "cost": {"images": 1, "rounds": 1},
    "training": {
        "processes": 1,
        "workers": 0,
        "precision": "fp32",  # bf16 is emulated on a CPU without it: a step of minutes
        "stages": {
            "autoencoder": {**FEW, "network": {"channels": [8] * 3, **GROUPS}},
            "decoder": FEW,
            "irn": UNET,
            "identity": FEW,
            "prior": {**FEW, "network": {"channels": [8] * 4, **HEADS}},
            "refiner": FEW,
            "mask": {**FEW, "network": {"width": 8}},
            "unet": UNET,
            "unet_perceptual": UNET,
            "unet_gan": UNET,
            "codebook_vq": {**FEW, "network": {"channels": [8] * 5, "latent_channels": 8, "codes": 64, **GROUPS}},
            "codebook": {**FEW, "network": {"width": 16, "depth": 1, "heads": 2}},
            "pixel_diffusion": {**FEW, "network": {"channels": [8] * 7, **HEADS}},
            **{f"autoencoder_{name}": {**FEW, "network": {"channels": [8] * 3, **GROUPS}} for name in ("f4_short", "codes256_short")},
            "autoencoder_f8_short": {**FEW, "network": {"channels": [8] * 4, **GROUPS}},
            "autoencoder_f16_short": {**FEW, "network": {"channels": [8] * 5, **GROUPS}},
            **{
                f"prior_{name}": {**FEW, "network": {"channels": [8] * 3, **HEADS}}
                for name in ("f4_short", "f8_short", "f16_short", "codes256_short")
            },
        },
    },
}


def faces_as_ffhq(sources: Path, folder: Path) -> list[np.ndarray]:
    """Twelve ORL photographs, tinted and aligned as FFHQ's, (512, 512, 3) uint8 each."""
    entries = select(read_manifest(ROOT / "clrface/catalogue/manifests/orl.csv"), identities=6, images_per_identity=2, split="test")
    align_chunk(entries, sources / "orl", folder, SIDE_PX, sources / "dlib", "centre", "ffhq")
    grey = [read_rgb(path) for path in sorted(folder.glob("*.png"))]
    assert len(grey) == FACES
    return [tinted(face, np.array([1.0, 0.85, 0.7])) for face in grey]


def tinted(face: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return (face * colour).round().astype(np.uint8)


def training_images(faces: list[np.ndarray]) -> Iterator[bytes]:
    """Twelve, the last of which is of the split val, which every face is by its checksum or isn't."""
    yield from (png(face) for face in faces[:-1])
    rng = generator(0, "test", "paper")
    while split_of(sum_of(image := png(tinted(faces[-1], rng.uniform(0.8, 1, 3))))) != "val":
        pass
    yield image


class Miniature:
    """A copy of the project whose hosts are all the loopback's."""

    def __init__(self, folder: Path, shelf: Shelf, sources: Path):
        self.folder, self.shelf = folder, shelf
        copy_project(folder)
        (folder / "data/raw").mkdir()
        for name in INDEX:
            (folder / "data/raw" / name).symlink_to(sources / name)
        self.entries = yaml.safe_load((folder / "clrface/catalogue/sources.yaml").read_text())
        faces = faces_as_ffhq(sources, folder / "aligned")
        self.serve_faces(faces)
        self.serve_lfw(faces)
        self.serve_weights(sources)
        (folder / "clrface/catalogue/sources.yaml").write_text(yaml.safe_dump(self.entries, sort_keys=False))
        (folder / "less.yaml").write_text(yaml.safe_dump(LESS))
        (folder / "miniature.yaml").write_text(yaml.safe_dump({**CONFIG, "mirrors": [str(folder / "mirror")]}))

    def serve_faces(self, faces: list[np.ndarray]) -> None:
        """Every set in its archive; at the first place of each nobody answers."""
        for name, member in SETS.items():
            side_px = {"celeba_test": SIDE_PX, "celeba_test_lq_daefr": 24}.get(name, 96)
            archive = zipped({member.format(number): png(blurred(face, side_px)) for number, face in enumerate(faces)})
            places = self.entries[name]["archives"]
            for place in places:
                place.pop("bytes", None)
                place["sha256"] = "on_first_use"
                place["endpoint"] = CLOSED if place is places[0] and len(places) > 1 else self.shelf.url
                if place["kind"] == "hf":
                    file = "/datasets/{repository}/resolve/{revision}/{path_in_repository}".format(**place)
                    self.shelf.files[file] = archive
            self.entries[name]["files"] = FACES
        (self.folder / "mirror").mkdir()
        ffhq = {f"images512x512/00000/{number:05d}.png": image for number, image in enumerate(training_images(faces))}
        (self.folder / "mirror/ffhq512.zip").write_bytes(zipped(ffhq))
        self.entries["ffhq512"]["files"] = FACES

    def serve_lfw(self, faces: list[np.ndarray]) -> None:
        """LFW's photographs, not aligned, and its list of pairs, each at its second place."""
        photographs, pairs = lfw(faces, LFW_FACE_PX)
        for name, content in (("lfw", tarred(photographs)), ("lfw_pairs", pairs.encode())):
            first, second = self.entries[name]["archives"] = self.entries[name]["archives"][:2]
            first["url"] = CLOSED + urlparse(first["url"]).path
            self.serve_file(second, content)
            first["sha256"] = second["sha256"]
            first.pop("bytes")
        self.entries["lfw"]["files"] = FACES

    def serve_weights(self, sources: Path) -> None:
        """Every network's file at its address, with its own checksum where the entry states one."""
        made = write_all(self.folder / "made", sources)
        for name in RIVALS:
            write_rival(name, made)
        for folder in made.iterdir():
            if folder.name not in INDEX:
                for place in self.entries[folder.name]["archives"]:
                    file = next(folder.iterdir())
                    zipped_in = place["file"].endswith(".zip")
                    self.serve_file(place, zipped({file.name: file.read_bytes()}) if zipped_in else file.read_bytes())
        shutil.rmtree(made)

    def serve_file(self, place: dict[str, Any], content: bytes) -> None:
        if place["kind"] == "gdrive":
            place["endpoint"] = self.shelf.url
            self.shelf.files[f"/download?id={place['id']}&export=download&confirm=t"] = content
        elif place["kind"] == "hf":
            place["endpoint"] = self.shelf.url
            kind = "datasets/" if place.get("repository_type") == "dataset" else ""
            self.shelf.files[f"/{kind}" + "{repository}/resolve/{revision}/{path_in_repository}".format(**place)] = content
        elif place["kind"] != "mirror":
            address = urlparse(place["url"]).path
            place["url"] = self.shelf.url + address
            self.shelf.files[address] = content
        place.pop("bytes", None)
        if place["sha256"] != "on_first_use":
            place["sha256"] = sum_of(content)
