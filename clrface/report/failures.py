"""Failure cases: the faces that lost most identity, by the distance of dlib's embeddings (IDD).

Chosen by score.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from clrface.errors import UserError
from clrface.report.faces import PREFERRED, TRUTH, FaceSet, SetSpec, face_sets, ranked
from clrface.report.records import Places
from clrface.report.samples import SampleSet, sample_sheet
from clrface.tables.table import Table

OF_CHOSEN, OF_RIVALS = 4, 1
"""The number of worst faces of CLR-Face, or else of the last method that competes, and of each
other method.
"""


def failure_sheet(table: Table, places: Places, spec: SetSpec, target: Path) -> None:
    """Draw the worst faces of CLR-Face and of each rival to `target` (PNG, and PDF beside it).

    For each test set of `table`, it shows every method's output and IDD. A frame marks the method
    whose worst face it is. Faces that could not be measured are left out.

    Raises: UserError for a table in which no competing method has a value of IDD, and as
    `face_sets` and `sample_sheet`.
    """
    panels = [panel for one in face_sets([table], places, spec) if (panel := _panel(one))]
    if not panels:
        raise UserError(
            f"{table.name} has no value of {PREFERRED} of a method that competes; failure cases are picked by it. "
            "Draw them of a table whose protocol has it, such as table1."
        )
    sample_sheet(panels, target)


def worst_faces(one: FaceSet) -> dict[str, list[str]]:
    """Method to its worst faces, the worst first, of equal ones the later id; CLR-Face's before the
    rivals'.
    """
    card = next((card for card in one.metrics if card.id == PREFERRED), None)
    rivals = [column for column in one.methods if column != one.chosen]
    counts = dict.fromkeys([one.chosen, *rivals], OF_RIVALS) | {one.chosen: OF_CHOSEN}
    return {
        column: worst
        for column, most in counts.items()
        if card and column in one.methods and not one.rows[column].control
        if (worst := ranked(one.scores[column].get(card.id, {}), card)[::-1][:most])
    }


def _panel(one: FaceSet) -> SampleSet | None:
    """None where no method that competes was measured."""
    worst = worst_faces(one)
    if not worst:
        return None
    card = next(card for card in one.metrics if card.id == PREFERRED)
    faces = list(dict.fromkeys(face for members in worst.values() for face in members))
    labels = one.columns
    notes = {(labels[column], face): one.text(column, card, face) for column in labels if column != TRUTH for face in faces}
    return SampleSet(
        title=_title(one, card.label, worst),
        image_ids=faces,
        columns={label: one.folders[column] for column, label in labels.items()},
        chunks=one.chunks,
        notes=notes,
        framed={(labels[column], face) for column, members in worst.items() for face in members},
    )


def _title(one: FaceSet, metric: str, worst: Mapping[str, Sequence[str]]) -> str:
    column, *rivals = worst
    others = ", and each rival's worst" if rivals else ""
    return f"{one.title}: {one.columns[column]}'s worst faces by {metric}{others} (framed)"
