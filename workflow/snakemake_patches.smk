"""Where Snakemake, as of 9.27.1, does otherwise than this workflow needs. Try a newer version without each of these."""

import errno
import fcntl
import os
from contextlib import contextmanager
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.persistence import PersistenceBase
from snakemake.persistence.file import FilePersistence


def lock_by_kernel():
    """Let one real run at a time into a folder, by a lock that dies with its process.

    Snakemake's lock is files. They outlive a run that is killed, so that the same command doesn't go on; and a run that ends removes all
    of them, another run's too. Here the process with the kernel's lock is alone, so an existing file of a lock is dead. Snakemake
    gives a run that only looks (-n, --summary, --dag) another `lock`, and none with --nolock: those take nothing.
    """
    if hasattr(PersistenceBase, "lock_by_files"):
        return
    PersistenceBase.lock_by_files = PersistenceBase.lock

    @contextmanager
    def lock(persistence):
        with (persistence.path / "alive").open("a+") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.seek(0)
                said = f"Another run is at work in {Path.cwd()} (process {held.read().strip() or 'unknown'}), and two would spoil each other's files"
                raise WorkflowError(f"{said}. Wait for its end or stop it, then run the same command again.") from None
            except OSError:  # a file system without such locks: Snakemake's own must do
                held = None
            if held:
                held.truncate(0)
                print(os.getpid(), file=held, flush=True)
                for path in (persistence.path / "locks").glob("*.lock"):
                    path.unlink()
            with persistence.lock_by_files():
                yield

    PersistenceBase.lock = lock


def look_at_read_only_folders():
    """Let a folder be looked at where nothing can be written: Snakemake makes its own folders first, even for -n and --summary."""
    if hasattr(FilePersistence, "made"):
        return
    FilePersistence.made = FilePersistence.__init__

    def make(persistence, **given):
        try:
            persistence.made(**given)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
            if not given["warn_only"]:
                said = f"Can't write in {Path.cwd()} ({error.strerror}), so nothing can run there"
                raise WorkflowError(f"{said}. Looking works: --list, --summary, -n. Run in a copy that is yours.") from None
            persistence.made(**given | {"path": given["dag"].workflow.snakemake_tmp_dir / "persistence"})

    FilePersistence.__init__ = make


def lift_default_rate(workflow):
    """Take Snakemake's default limit of 100 jobs a second off; one that the user sets stays.

    With a limit, its scheduler plans another round for a second after each round and drops none: rounds pile up with every job that
    ends, and after a hundred jobs cost a third of a core.
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def set_environment(workflow, path):
    """Give every rule that runs a command the same conda environment, which --software-deployment-method conda makes.

    Snakemake takes one container for all rules, but a conda environment rule by rule alone.
    """
    for one in workflow.rules:
        if one.shellcmd:
            one.conda_env = path


lock_by_kernel()
look_at_read_only_folders()
