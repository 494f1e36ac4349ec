"""Downloads: the sources that a config needs, and the programs of external repositories."""

from functools import cache

from clrface.external import external_path, read_external
from clrface.fetch.sources import entry_digest
from clrface.plan.plan import Plan
from clrface.plan.words import short_digest, source_record


def fetch_inputs(plan: Plan, source: str) -> list[str]:
    """The list of what is taken of a source, where another source has such a list."""
    listed = plan.source(source).listed
    return [source_record(listed)] if listed else []


def fetch_digest(plan: Plan, source: str) -> str:
    """Changes when a source would give other files."""
    return entry_digest(plan.source(source))


@cache
def external_inputs(plan: Plan, program: str) -> list[str]:
    """An external program, installed, if it can run here; if not, its row says so."""
    unable = read_external(external_path(program)).why_not(plan.cuda)
    return [] if unable else [f"data/external/{program}/READY.json"]


def install_inputs(_: Plan, program: str) -> list[str]:
    """The weights of an external program."""
    return [source_record(source) for source in read_external(external_path(program)).sources]


def install_card(_: Plan, program: str) -> str:
    """Where an external program's card lies."""
    return str(external_path(program))


def install_digest(_: Plan, program: str) -> str:
    """Changes with an external program's card."""
    return short_digest(external_path(program).read_text(encoding="utf-8"))


def fetched_files(plan: Plan) -> list[str]:
    """The sources that the whole config needs, and the external programs that can run here."""
    external = [card.name for row in plan.rows.values() if (card := plan.card(row)) and card.external]
    programs = [path for name in dict.fromkeys(external) for path in external_inputs(plan, name)]
    return [source_record(name) for name in plan.needed] + programs
