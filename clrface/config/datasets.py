"""Test sets: those with a manifest, those of clrface/catalogue/sources.yaml, and folders of the user's."""

from typing import Literal

from pydantic import ConfigDict

from clrface.config.parts import Count, DatasetName, Folder, NotNegative, Part

OFFSET = ConfigDict(json_schema_extra={"dependentRequired": {"offset": ["images"]}})


class ManifestDataset(Part):
    """A dataset with a manifest; {} takes all of it."""

    model_config = OFFSET
    identities: Count | None = None
    """Take the first N people of the manifest."""
    images_per_identity: Count | None = None
    """Take the first N images of each of them."""
    images: Count | None = None
    """Take N of the remaining images, evenly spaced: for a dataset whose people are unknown."""
    offset: NotNegative = 0
    """With images: start N images later. Two offsets below the spacing share no image."""
    split: Literal["test", "val"] = "test"
    """Which images of the manifest. val is for choosing settings, never for a result."""
    gallery: Count | None = None
    """Clean photographs a person, the last ones, that recognition compares the restored faces with.
    Choose a number that leaves the first ones to the test set.
    """
    reference: DatasetName | None = None
    """For low-quality images without ground truth: the test set of clean faces that the restored
    set is compared with.
    """


class SetDataset(Part):
    """A set of faces that clrface/catalogue/sources.yaml names; {} takes all of it."""

    model_config = OFFSET
    images: Count | None = None
    """Take N of them, evenly spaced."""
    offset: NotNegative = 0
    """With images: start N images later."""
    reference: DatasetName | None = None
    """For low-quality images without ground truth: the test set of clean faces that the restored
    set is compared with.
    """


class FolderDataset(Part):
    """A test set of your own."""

    folder: Folder
    """A folder of face images; relative to the folder of the run."""
    align: bool = True
    """true finds each face and aligns it; false is for images that are aligned already."""
    reference: DatasetName | None = None
    """For low-quality images without ground truth: the test set of clean faces that the restored
    set is compared with.
    """
