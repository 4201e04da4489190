"""The folder of what was not delivered: kept for later steps, found again, and cleared."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from dora_deployments.actions import workspace
from dora_deployments.actions.inputs import DEFAULT_REPLAY_PATH
from dora_deployments.actions.run import Run
from dora_deployments.delivery import saved
from dora_deployments.delivery.deliver import Delivery, Origin, SavedReports
from dora_deployments.delivery.dispatch import SendResult
from dora_deployments.delivery.folder import bases, ensure_folder, owners, writing
from dora_deployments.errors import why_unwritable

FOLDER: Final = DEFAULT_REPLAY_PATH
_LONGEST_STEM: Final = 200  # systems take names of 255
_LOST: Final = "the log shows {0}, and to run the job again sends {0} under the same id"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A delivery to save, and the text to save for it."""

    delivery: Delivery
    origin: Origin
    text: str


@dataclass(slots=True, kw_only=True)
class _Written:
    """How many files `folder` took, and those of them that were not there before."""

    folder: Path
    count: int = 0
    new: list[Path] = field(default_factory=list)

    def remove(self) -> None:
        """Remove the new files, which another folder has too."""
        for file in self.new:
            with suppress(OSError):
                file.unlink()


def settle(
    ended: Iterable[SendResult], origin: Origin, run: Run, refused: Iterable[Path] = ()
) -> SavedReports:
    """Save what no backend has, and remove what was saved and is replayed.

    What an earlier attempt of this run saved here and a backend has by now is removed as well: if
    it were replayed, the backend would be told an earlier finish after the later one.
    What cannot be written in the workspace is written among the temporary files. `refused`
    are the saved files that stay where they are, unsent.
    """
    ended = tuple(ended)
    places = bases(run)
    problems = [
        problem
        for each in ended
        if each.outcome.is_recorded
        for file in (*_saved(each), *_of_earlier_attempts(each, origin, places))
        for problem in _forgotten(file)
    ]
    lost = [each for each in ended if each.outcome.is_missing]
    new = [each for each in lost if each.delivery.saved is None]
    files = [
        _File(
            delivery=each.delivery,
            origin=origin,
            text=saved.text(each.delivery, each.outcome, origin),
        )
        for each in new
    ]
    problems += [
        f"`{file_name(file.delivery)}` is larger than {saved.LARGEST} bytes, so `mode: replay` does"
        " not take it; run the job again instead"
        for file in files
        if len(file.text) > saved.LARGEST
    ]
    stay = [file for each in lost for file in _saved(each)]
    folders = [_around(file, places) for file in (*stay, *refused)]
    if files:
        folder, failures = _kept(files, places)
        problems += failures
        folders += [folder] if folder else []
    if not folders:
        return SavedReports(problems=tuple(problems))
    path = Path(os.path.commonpath(folders))
    with suppress(ValueError):
        path = path.relative_to(run.workspace or "")
    return SavedReports(path=path.as_posix(), problems=tuple(problems))


def file_name(delivery: Delivery) -> str:
    """Return the name of the file for `delivery`, which every system and artifact can hold."""
    stem = quote(delivery.name, safe="")
    if stem.startswith("."):  # artifacts leave hidden files out
        stem = f"%2E{stem[1:]}"
    if len(stem) > _LONGEST_STEM:
        stem = hashlib.sha256(delivery.name.encode()).hexdigest()
    return f"{stem}-{delivery.backend.name.lower()}.json"


def _saved(ended: SendResult) -> tuple[Path, ...]:
    """Return the files that a delivery was read from, those that it supersedes among them."""
    file = ended.delivery.saved
    return () if file is None else (file, *ended.delivery.superseded)


def _of_earlier_attempts(
    ended: SendResult, origin: Origin, places: Iterable[Path]
) -> Iterator[Path]:
    """Yield the files here that an earlier attempt of this run saved of the same report."""
    delivery = ended.delivery
    if not origin.run_id or origin.attempt < 2 or delivery.saved is not None:
        return
    stem = Path(file_name(delivery)).stem
    for place in places:
        for file in sorted((place / FOLDER).glob(f"{stem}*.json")):
            try:
                content = workspace.read(str(place), f"{FOLDER}/{file.name}", saved.LARGEST)
                earlier = saved.read(content or b"", origin, [delivery.backend], [])
            except ValueError:  # planted, or of another report or key
                continue
            of_this = (earlier.name, earlier.run_id) == (delivery.name, origin.run_id)
            if of_this and earlier.attempt < origin.attempt:
                yield file


def _around(file: Path, places: Sequence[Path]) -> Path:
    """Return the folder of a saved file, but never all of the workspace: then the file."""
    return file if file.parent in places else file.parent


def _forgotten(file: Path) -> Iterable[str]:
    """Remove a saved file that a backend has by now; yield a problem if that fails."""
    try:
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield (
            f"`{file.name}` is delivered, but cannot be removed ({error.strerror}); remove it, or"
            " leave it: to send it twice does no harm"
        )


def _kept(files: Sequence[_File], places: Iterable[Path]) -> tuple[Path | None, list[str]]:
    """Write `files` into the folder of the first place that takes them all.

    If none does, they stay in the place that took most, and the problems say how many are lost.
    """
    problems: list[str] = []
    attempts: list[_Written] = []
    for place in places:
        written = _Written(folder=place / FOLDER)
        attempts.append(written)
        problem = _write_all(files, written, place)
        if problem is None:
            break
        problems.append(f"what was not delivered cannot be saved in {written.folder}: {problem}")
    best = max(attempts, key=lambda each: each.count, default=None)
    for each in attempts:
        if each is not best:
            each.remove()
    if best is None or not best.count:
        problems.append(f"what was not delivered is saved nowhere; {_LOST.format('it')}")
        return None, problems
    if lost := len(files) - best.count:
        problems.append(
            f"{lost} of {len(files)} undelivered reports are saved nowhere; {_LOST.format('them')}"
        )
    return best.folder, problems


def _write_all(files: Iterable[_File], written: _Written, place: Path) -> str | None:
    """Write `files` and what hides them from git; return why that is not possible, if so.

    `written` counts each file that is there.
    """
    folder = written.folder
    try:
        problem = ensure_folder(folder, owners(place))
        if problem is not None:
            return problem
        _write(folder / ".gitignore", "*\n")
        for file in files:
            path = _free(folder, file)
            new = [] if os.path.lexists(path) else [path]
            _write(path, file.text)
            written.count += 1
            written.new += new
    except OSError as error:
        return why_unwritable(error)
    return None


def _free(folder: Path, new: _File) -> Path:
    """Return where to write: never over what another step of the job saved under the name."""
    file = folder / file_name(new.delivery)
    try:
        status = file.lstat()
    except FileNotFoundError:
        return file
    if not stat.S_ISREG(status.st_mode):
        return file  # planted, and replaced
    if status.st_size <= saved.LARGEST and saved.repeats(
        file.read_bytes(), new.delivery, new.origin
    ):
        return file
    digest = hashlib.sha256(new.text.encode()).hexdigest()
    return file.with_name(f"{file.stem}-{digest[:8]}.json")


def _write(file: Path, content: str) -> None:
    with writing(file) as opened:
        opened.write(content)
