"""Bundles, recipes and settings that change while the line runs.

A thread of its own reads, loads and tests what is to come beside what decides now; the line takes it
between two parts, when it calls ``poll``. One change at a time. A new bundle is on trial for its first
frames: where it fails, the last one that did its work comes back. The file of the selection says that it is
on trial before it decides, for the case that it ends the process.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from edge.alarms.latch import AlarmLatch, TellAlarm
from edge.core.decision import Verdict
from edge.core.errors import BundleError, LinegateError
from edge.deployment.canary import Canary
from edge.deployment.deployment import Deployment, Prepare, Prepared, replacement
from edge.deployment.file_watch import FileWatch, stamp_of
from edge.deployment.last_good import LastGood
from edge.deployment.selection import PersistedSelection, read_selection, write_selection
from edge.inspection.inspector import Inspection, Inspector
from edge.settings.alarms import Alarm

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a change: why it was not made, or None, and what else there is to know."""

    error: str | None = None
    note: str | None = None
    of_bundle: bool = False


@dataclass(frozen=True)
class Change:
    """Something to prepare beside the line; ``done`` is told what came of it, on the line's thread."""

    what: str
    prepare: Prepare
    done: Callable[[Outcome], None] = lambda _: None


@dataclass(eq=False)
class _Offer:
    """A prepared deployment and the one it was prepared from, until the line takes it or does not."""

    base: Deployment
    prepared: Prepared
    taken: bool | None = None


class DeploymentManager:
    """Deploys what is to decide on a running station; all but ``ask`` is for the line's own thread.

    ``take`` is called between two parts with what decides from then on; the alarm is "bundle".
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        file: Path,
        take: Callable[[Deployment], None],
        alarm: TellAlarm,
    ) -> None:
        self._deployment = deployment
        self._proven = deployment
        self._file = file
        self._good = LastGood.beside(file)
        self._to_record: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._take = take
        self._trouble = AlarmLatch(Alarm.BUNDLE, alarm)
        self._canary: Canary | None = None
        self._changed = threading.Condition()
        self._asked: Change | None = None
        self._is_busy = False
        self._offer: _Offer | None = None
        self._unsaved: PersistedSelection | None = None
        self._finished: SimpleQueue[tuple[Change, Outcome]] = SimpleQueue()
        self._file_watch = FileWatch()
        self._file_watch.follow(deployment.path, deployment.stamp)
        self._next_check = 0.0
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="changes", daemon=True)

    @property
    def deployment(self) -> Deployment:
        """The deployment that decides now."""
        return self._deployment

    @property
    def proven(self) -> Deployment:
        """The last that did its work: what comes back where the one that decides now fails."""
        return self._proven

    def start(self) -> None:
        """Changes may be asked for. The mark of a trial that did not end goes, as the start went back.

        Where there was nothing to go back to it stays until so many frames were inspected at last. So long
        what decides is on trial also where it never did its work here: it may end the process.
        """
        persisted, _ = read_selection(self._file)
        frames = self._deployment.settings.model.trial_frames
        is_new = frames > 0 and self._good.start(
            self._deployment.inspector.recipe, _bundle_sha256(self._deployment)
        )
        if persisted.has_a_way_back:
            self._unsaved = PersistedSelection.of(persisted.decides)
        if is_new or (persisted.last_good is not None and not persisted.has_a_way_back):
            self._canary = Canary(frames=frames, faults=frames + 1)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not done yet is not done."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(2.0)
        self._save()  # where it still tries a bundle: what was rolled back must not decide at the next start

    def ask(self, change: Change) -> str | None:
        """Have a change made, from any thread; returns why not, or None: then ``done`` will be told."""
        with self._changed:
            if self._stop or not self._thread.is_alive():
                return "the station is not running"
            if self._is_busy:
                return "busy: another change is being made; ask again when that is answered"
            self._asked, self._is_busy = change, True
            self._changed.notify_all()
        return None

    def complain(self, text: str) -> None:
        """Something is wrong with a bundle."""
        if self._trouble.is_there:
            logger.error("%s", text)
        self._trouble.begins(text)

    def poll(self) -> None:
        """Take what is ready, and tell what is done: the line is between two parts."""
        with self._changed:
            offer = self._offer
        if offer is not None:
            is_current = offer.base is self._deployment
            if is_current:
                self._put_in_service(offer.prepared)
            with self._changed:
                offer.taken, self._offer = is_current, None
                self._changed.notify_all()
        while not self._finished.empty():
            change, outcome = self._finished.get()
            if outcome.of_bundle:
                self.complain(f"{change.what}: {outcome.error}")
            elif outcome.error is not None:
                logger.error("%s: %s", change.what, outcome.error)
            change.done(outcome)

    def judge(self, inspector: Inspector, inspection: Inspection) -> None:
        """Take note of a frame's result; a fault counts where the last bundle has none on the same frame.

        A frame that is itself a fault says nothing of the bundle.
        """
        frame = inspection.frame
        if self._canary is None or inspector is not self._deployment.inspector or frame.fault is not None:
            return
        failed = inspection.verdict == Verdict.FAULT and self._proven.inspector is not inspector
        if failed:
            try:
                failed = self._proven.inspector.inspect(frame).verdict != Verdict.FAULT
            except Exception:  # whatever the runtime raises: then the last one is no better
                logger.exception("the last bundle fails as well")
                failed = False
        self._note(self._canary, failed=failed)

    def judge_late(self, inspector: Inspector) -> None:
        """A verdict came too late for its part."""
        if self._canary is not None and inspector is self._deployment.inspector:
            self._note(self._canary, failed=True)

    def _note(self, canary: Canary, *, failed: bool) -> None:
        canary.note(failed=failed)
        if canary.has_failed:
            text = f"{self._deployment.path}: {canary}; {self._proven.path} is back in service"
            if self._proven.settings is not self._deployment.settings:
                text += ", with the settings of before"
            self._canary = None
            self._to_record.put(self._good.refuse)
            self._deploy(self._proven)
            self.complain(text)
        elif canary.is_over:
            self._canary, self._proven = None, self._deployment
            self._to_record.put(partial(self._prove, self._deployment))
            self._keep()

    def _prove(self, deployment: Deployment) -> None:
        """Keep a copy of what did its work."""
        self._good.prove(deployment.inspector.recipe, deployment.path, _bundle_sha256(deployment))

    def _put_in_service(self, prepared: Prepared) -> None:
        """A new bundle is on trial; another recipe is not, for the last one is of another product."""
        before, after = self._deployment, prepared.deployment
        rules = after.settings.model
        if _is_tried(before, after):
            self._canary = Canary(frames=rules.trial_frames, faults=rules.trial_faults)
        elif after.inspector is not before.inspector or self._canary is None:
            self._canary, self._proven = None, after
            self._to_record.put(self._good.end)
        self._deploy(after)
        if prepared.as_chosen:
            self._trouble.ends(f"{after.path} is in service")

    def _deploy(self, after: Deployment) -> None:
        self._deployment = after
        self._take(after)
        self._keep()

    def _keep(self) -> None:
        """Have written down what decides, and whether it is on trial."""
        last_good = self._proven.selection if self._canary is not None else None
        with self._changed:
            self._unsaved = PersistedSelection.of(self._deployment.selection, last_good=last_good)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._asked is None and self._unsaved is None and not self._stop:
                    self._changed.wait(self._deployment.settings.model.watch_s or None)
                if self._stop:
                    break
                change, self._asked = self._asked, None
            if change is None:
                self._save()
                self._check_file()
                continue
            outcome = self._make(change)
            with self._changed:
                self._is_busy = False  # before it is answered: the next may follow at once
            self._finished.put((change, outcome))
        self._save()  # what was rolled back just now must not decide at the next start
        if read_selection(self._file)[0].last_good is not None:  # an end in order is no fault of the bundle
            write_selection(self._file, PersistedSelection.of(self._deployment.selection))
        self._good.end()

    def _check_file(self) -> None:
        """Now and then: whether somebody replaced the file of the bundle."""
        deployment, now = self._deployment, time.monotonic()
        every_s = deployment.settings.model.watch_s
        if not every_s or now < self._next_check:
            return
        self._next_check = now + every_s
        if self._file_watch.is_new(deployment.path, stamp_of(deployment.path)):
            logger.info("bundle: %s was replaced", deployment.path)
            change = Change(f"{deployment.path} was replaced", replacement)
            self._finished.put((change, self._make(change)))

    def _make(self, change: Change) -> Outcome:
        """Prepare a change, have the line take it, and keep it for a restart."""
        try:
            prepared = self._hand_over(change.prepare)
        except LinegateError as error:
            return Outcome(str(error), of_bundle=isinstance(error, BundleError))
        except Exception as error:  # a runtime may raise anything; the line goes on as it was
            logger.exception("%s", change.what)
            return Outcome(f"{type(error).__name__}: {error}", of_bundle=True)
        if prepared is None:
            return Outcome("the station ends")
        notes = [text for text in (prepared.note, self._save()) if text is not None]
        note = "; ".join(notes) or None
        logger.info("%s: done%s", change.what, f" ({note})" if note else "")
        return Outcome(note=note)

    def _hand_over(self, prepare: Prepare) -> Prepared | None:
        """Offer it to the line until it is taken; prepared again where another one came back meanwhile.

        None where the station ends before.
        """
        while True:
            base = self._deployment
            prepared = prepare(base)
            if _is_tried(base, prepared.deployment):  # on the disk before it decides: it may end the process
                write_selection(
                    self._file,
                    PersistedSelection.of(prepared.deployment.selection, last_good=self._proven.selection),
                )
                self._good.begin(_bundle_sha256(prepared.deployment))
            offer = _Offer(base, prepared)
            with self._changed:
                self._offer = offer
                while offer.taken is None and not self._stop:
                    self._changed.wait()
            if offer.taken:
                if (
                    prepared.deployment.stamp != base.stamp
                ):  # else a file that was rolled back would be new again
                    self._file_watch.follow(prepared.deployment.path, prepared.deployment.stamp)
                return prepared
            if self._stop:
                return None

    def _save(self) -> str | None:
        """Write what was chosen and what was found, where that is new; returns why not the first, or None."""
        with suppress(Empty):
            while True:
                self._to_record.get_nowait()()
        with self._changed:
            persisted, self._unsaved = self._unsaved, None
        if persisted is None or persisted == read_selection(self._file)[0]:
            return None
        reason = write_selection(self._file, persisted)
        if reason is not None:
            logger.error("%s", reason)
        return reason


def _bundle_sha256(deployment: Deployment) -> str:
    return deployment.inspector.model.bundle.sha256


def _is_tried(before: Deployment, after: Deployment) -> bool:
    """True if what comes after is on trial: another recipe is not."""
    is_new = after.inspector is not before.inspector
    same_product = after.inspector.recipe == before.inspector.recipe
    return is_new and same_product and after.settings.model.trial_frames > 0
