"""Downloads: the sources that a config needs, and the programs of external repositories."""

from functools import cache

from clrface.external import external_path, read_external
from clrface.fetch.sources import entry_digest
from clrface.plan.plan import Plan
from clrface.plan.words import short_digest, source_record


def fetch_inputs(plan: Plan, source: str) -> list[str]:
    """Return the list of a source's members, where another source has such a list."""
    listed = plan.source(source).listed
    return [source_record(listed)] if listed else []


def fetch_digest(plan: Plan, source: str) -> str:
    """Return a digest of what decides a source's files."""
    return entry_digest(plan.source(source))


@cache
def external_inputs(plan: Plan, program: str) -> list[str]:
    """Return an external program, installed, if it can run here. If not, its row says so."""
    unable = read_external(external_path(program)).why_not(plan.cuda)
    return [] if unable else [f"data/external/{program}/READY.json"]


def install_inputs(_: Plan, program: str) -> list[str]:
    """Return the weights of an external program."""
    return [source_record(source) for source in read_external(external_path(program)).sources]


def install_card(_: Plan, program: str) -> str:
    """Return the path of an external program's card."""
    return str(external_path(program))


def install_digest(_: Plan, program: str) -> str:
    """Return a digest of an external program's card."""
    return short_digest(external_path(program).read_text(encoding="utf-8"))


def fetched_files(plan: Plan) -> list[str]:
    """Return the sources that the whole config needs, and the external programs that can run here."""
    external = [card.name for row in plan.rows.values() if (card := plan.card(row)) and card.external]
    programs = [path for name in dict.fromkeys(external) for path in external_inputs(plan, name)]
    return [source_record(name) for name in plan.needed] + programs
