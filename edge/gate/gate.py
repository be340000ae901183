"""Parts on their way from the camera to the ejector, and what the gate is told of each, when.

Pure: times come in as monotonic seconds, and where the belt is comes from edge.gate.belt.
docs/reference/gate-rules.md has the rules in full, by number; in short:

- A part is on its way from the moment it is seen. No verdict by its deadline is a fault.
- A command leaves while it can still be on time, or never.
- Parts closer than ``min_gap`` can't be told apart at the ejector: neither passes, whether or not there was
  room for both.
- What went by unseen is rejected as a fault would be, in "reject-on-defect" by commands without a part:
  from before the start, while nobody looked, and while nobody knows where the belt is.
"""

import math
from bisect import bisect_right, insort
from dataclasses import dataclass, replace

from edge.core.decision import Verdict
from edge.gate.belt import Belt
from edge.gate.crowding import Crowding
from edge.settings.gate import Action, GateSettings

SWEEP_S = 0.5  # a reject without a part ends by itself so soon, should the station or the broker die
LATE = "no verdict by the time its part was at the gate"
TOO_CLOSE = "closer to another part than gate.min_gap_ms or gate.min_gap_counts"
CHANGED = "the gate was changed while this part was on its way"
TOO_MANY = "more parts on the belt than gate.max_parts"
NO_ENCODER = 'its trigger gave a count, which needs gate.belt = "encoder"'
UNKNOWN = "seen before it was known where the belt is"


@dataclass(frozen=True)
class GateCommand:
    """A command to the gate; ``due`` and ``valid_until`` are monotonic seconds.

    ``part`` is None for what went by unseen. ``reason`` says why, where it isn't the verdict;
    ``due_count`` is where the encoder stands when it is due, if there is one.
    """

    part: str | None
    action: Action
    due: float
    valid_until: float
    pulse_ms: float
    reason: str | None = None
    due_count: int | None = None


def at_sending(command: GateCommand, now: float) -> GateCommand | None:
    """A command as it may be sent ``now``: what is left of one without a part; None where it is too late."""
    if now <= command.due:
        return command
    left_ms = round((command.due - now) * 1000 + command.pulse_ms, 3)
    return None if command.part is not None or left_ms <= 0 else replace(command, due=now, pulse_ms=left_ms)


def useless_after(command: GateCommand) -> float:
    """From when on a command, as it was to be sent, must not leave any more."""
    return command.due if command.part is not None else command.due + command.pulse_ms / 1000


@dataclass(eq=False)
class TrackedPart:
    """One part on its way. ``place`` is where the belt is when the part is at the ejector.

    ``trouble`` says why no verdict counts any more; ``stated`` is the due time of the command that was sent.
    """

    part: str
    place: float
    action: Action | None = None
    trouble: str | None = None
    stated: float | None = None
    confirmed: bool = False


@dataclass
class _Span:
    """A stretch of belt that nobody saw, in places at the ejector; it goes on while ``end`` is None."""

    start: float
    end: float | None = None

    def join(self, following: "_Span") -> None:
        """Reach as far as one that begins no earlier."""
        if self.end is not None:
            self.end = None if following.end is None else max(self.end, following.end)


@dataclass
class GateCounts:
    """Counts of failures at the gate since the start."""

    too_late: int = 0
    too_close: int = 0
    too_many: int = 0
    not_withheld: int = 0  # a part followed too closely after a pass was sent
    unconfirmed: int = 0
    unexpected: int = 0  # in the bin, though nothing was rejected


def action_for(verdict: Verdict, settings: GateSettings) -> Action:
    """The action for a part with this verdict."""
    if verdict == Verdict.OK:
        return "pass"
    if verdict == Verdict.UNSURE:
        return settings.on_unsure
    if verdict == Verdict.FAULT:
        return settings.on_fault
    return "reject"


class Gate:
    """The parts between camera and ejector. Tell it what happens, and send what ``step`` returns.

    At first nothing was seen (``watch``), and a belt that gives messages is nowhere (``found``).
    """

    def __init__(self, settings: GateSettings, belt: Belt) -> None:
        self._belt = belt
        self._steady = settings.belt == "steady"
        self._set(settings)
        self._parts: list[TrackedPart] = []
        self._spans = [_Span(-math.inf)]
        self._swept = (-math.inf, -math.inf)  # from when on, and until when, by commands without a part
        self._watching = False
        self._old_until = -math.inf
        self._known_since = -math.inf
        self._crowding = Crowding()
        self._lost = None if self._steady else f"no message of the belt ({settings.belt}) yet"
        self._unconfirmed: list[tuple[TrackedPart, float]] = []
        self._unseen_until = -math.inf  # the end of the latest command without a part that was sent
        self.counts = GateCounts()
        self.wake = -math.inf

    def _set(self, settings: GateSettings) -> None:
        self._settings = settings
        by_count = settings.belt == "encoder"
        self._travel = self._travel_of(settings)
        self._min_gap = float(settings.min_gap_counts if by_count else settings.min_gap_ms)
        self._sent: Action = "reject" if settings.mode == "reject-on-defect" else "pass"
        self._sweeps = self._sent == "reject" and settings.on_fault == "reject"
        self._window, self._margin, self._lead = (
            value / 1000 for value in (settings.window_ms, settings.margin_ms, settings.lead_ms)
        )

    @staticmethod
    def _travel_of(settings: GateSettings) -> float:
        return float(settings.travel_counts if settings.belt == "encoder" else settings.travel_ms)

    def change(self, settings: GateSettings, now: float) -> None:
        """Another gate for the same belt: what is on its way is where nobody knows, and none of it passes."""
        lost, longest = self._lost, max(self._travel, self._travel_of(settings))
        self.lose(CHANGED)
        self._set(settings)
        self._lost = lost
        if lost is None:
            self.found(now)
            self._old_until = max(self._old_until, self._belt.place(now) + longest)
            if self._spans[0].end is not None:
                self._spans[0].end = self._old_until

    @property
    def in_flight(self) -> int:
        """The number of parts on their way."""
        return len(self._parts)

    @property
    def lost(self) -> str | None:
        """Why nobody knows where the parts are, or None."""
        return self._lost

    def action(self, verdict: Verdict) -> Action:
        """The action for a part with this verdict."""
        return action_for(verdict, self._settings)

    def expect(self, part: str, seen: float, *, count: int | None = None) -> TrackedPart:
        """A part was at the camera at ``seen``, or where the encoder stood at ``count``."""
        by_count = count is not None and self._settings.belt == "encoder"
        here = float(count) if count is not None and by_count else self._belt.place(seen)
        tracked = TrackedPart(part, here + self._travel)
        if self._lost is not None:
            self._spoil(tracked, self._lost)
            return tracked
        if tracked.place < self._old_until:
            self._spoil(tracked, CHANGED)
        elif seen < self._known_since:
            self._spoil(tracked, UNKNOWN)
        elif count is not None and not by_count:
            self._spoil(tracked, NO_ENCODER)
        self._keep_apart(tracked)
        if len(self._parts) < self._settings.max_parts:
            insort(self._parts, tracked, key=lambda other: other.place)
        else:
            self._leave_out(tracked)
        return tracked

    def decide(self, tracked: TrackedPart, verdict: Verdict, now: float) -> str | None:
        """The verdict of a part; returns why it is a fault nevertheless, or None."""
        if tracked.trouble is None and tracked.action is None:
            due = self._belt.arrival(tracked.place, now)
            if self._is_behind(tracked, now) or (due is not None and now > due - self._margin):
                self._spoil(tracked, LATE)
            else:
                tracked.action = self.action(verdict)
        return tracked.trouble

    def step(self, now: float) -> list[GateCommand]:
        """Commands to send now; ``wake`` is then when to ask again, if nothing happens before."""
        self.wake = math.inf
        commands: list[GateCommand] = []
        self._sweep(commands, now)
        self._let_go(now)
        for _, until in self._unconfirmed:  # in any order: a belt that turns may bring a later part sooner
            self._wake_at(until)
        for tracked in self._parts:
            if self._steady and self._has_its_command(tracked):
                continue  # on a steady belt that stays right
            due = self._belt.arrival(tracked.place, now)
            if due is None:
                break  # the belt stands or goes back: nothing arrives
            if not self._steady and now < due - self._lead:
                self._wake_at(due - self._lead)
                break  # those behind it have longer to go
            if tracked.action is None:
                if now < due - self._margin:
                    self._wake_at(due - self._margin)
                    continue
                self._spoil(tracked, LATE)
            self._consider(tracked, due, now, commands)
        return commands

    def sent(self, command: GateCommand) -> None:
        """A command that ``step`` returned was sent: what it rejects without a part may come to the bin."""
        if command.part is None:
            self._unseen_until = max(self._unseen_until, command.due + command.pulse_ms / 1000)

    def unsent(self, command: GateCommand) -> None:
        """A command that ``step`` returned could not be sent; it comes again while there is time."""
        if command.part is None:
            self._swept = (-math.inf, -math.inf)
            return
        meant = [tracked for tracked in self._parts if tracked.part == command.part]
        if not meant:  # gone by meanwhile, or nobody knows where the belt is
            self.counts.too_late += 1
        for tracked in meant:
            if tracked.stated == command.due:
                tracked.stated = None

    def holds(self, command: GateCommand, now: float) -> bool:
        """True if a command that ``step`` returned is still right: in time, and nothing has changed since."""
        if at_sending(command, now) is None:
            return False
        if command.part is None:
            return True
        dues = (
            self._belt.arrival(tracked.place, now)
            for tracked in self._parts
            if tracked.part == command.part and tracked.action == command.action
        )
        return any(due is not None and now <= due and self._agrees(command.due, due) for due in dues)

    def watch(self, at: float) -> None:
        """From ``at`` on every part is seen."""
        self._watching = True
        if self._spans and self._spans[-1].end is None:
            self._spans[-1].end = max(self._belt.place(at) + self._travel, self._old_until)

    def unwatch(self, at: float) -> None:
        """From ``at`` on parts may go by unseen."""
        self._watching = False
        self._add_span(_Span(self._belt.place(at) + self._travel))

    def lose(self, reason: str) -> None:
        """Nobody knows where the belt is: nothing on it passes any more."""
        for tracked in self._parts:
            self._spoil(tracked, reason)
        self._parts.clear()
        self._crowding.clear()
        self._lost = reason

    def found(self, now: float) -> None:
        """It is known again where the belt is, though not what is on it."""
        self._lost = None
        self._known_since = now
        self._swept = (-math.inf, -math.inf)
        self._spans = [_Span(-math.inf, self._belt.place(now) + self._travel if self._watching else None)]

    def confirm(self, now: float) -> bool:
        """A part was seen in the bin; False if none was rejected that could be there."""
        for tracked, _ in self._unconfirmed:
            if not tracked.confirmed:
                tracked.confirmed = True
                return True
        for tracked in self._parts:
            due = self._belt.arrival(tracked.place, now)
            if due is not None and due <= now and self._is_rejected(tracked, due) and not tracked.confirmed:
                tracked.confirmed = True
                return True
        if now < self._unseen_until + self._settings.confirm_ms / 1000:
            return True
        self.counts.unexpected += 1
        return False

    def missing(self, now: float) -> list[str]:
        """Parts that were rejected and not seen in the bin in time, each once."""
        parts = [
            tracked.part for tracked, until in self._unconfirmed if until < now and not tracked.confirmed
        ]
        self._unconfirmed = [
            (tracked, until) for tracked, until in self._unconfirmed if until >= now and not tracked.confirmed
        ]
        self.counts.unconfirmed += len(parts)
        return parts

    def end(self) -> None:
        """No verdict comes any more: what has none is a fault."""
        for tracked in self._parts:
            if tracked.action is None:
                self._spoil(tracked, "the station was stopped")

    @property
    def is_settled(self) -> bool:
        """True if every part has the command that it will get."""
        return all(self._has_its_command(tracked) for tracked in self._parts)

    def _has_its_command(self, tracked: TrackedPart) -> bool:
        return tracked.action is not None and (tracked.action != self._sent or tracked.stated is not None)

    def _consider(self, tracked: TrackedPart, due: float, now: float, commands: list[GateCommand]) -> None:
        """Send what a decided part gets, once that may be said and while there is time."""
        if tracked.action != self._sent:
            return
        begin = self._may_leave(tracked, due, now)
        if now < begin:
            self._wake_at(begin)
        # A command that was sent before the belt turned names a wrong time: it is said again.
        elif now <= due and not self._agrees(tracked.stated, due):
            tracked.stated = due
            commands.append(self._command(tracked.part, due, tracked.trouble, tracked.place))

    def _agrees(self, stated: float | None, due: float) -> bool:
        """True if what was said of the time of a part is near enough to what is right by now."""
        return stated is not None and abs(due - stated) <= self._window / 2

    def _may_leave(self, tracked: TrackedPart, due: float, now: float) -> float:
        """On a steady belt a reject goes at once, and a pass when nothing can follow too closely."""
        begin = -math.inf if self._steady else due - self._lead
        if tracked.action == "reject":
            return begin
        clear = self._belt.arrival(tracked.place - self._travel + self._min_gap, now)
        return max(begin, math.inf if clear is None else clear + self._margin)

    def _command(self, part: str, due: float, reason: str | None, place: float) -> GateCommand:
        return GateCommand(
            part,
            self._sent,
            due,
            due + self._window,
            self._settings.pulse_ms,
            reason,
            round(place) if self._settings.belt == "encoder" else None,
        )

    def _let_go(self, now: float) -> None:
        """Forget parts that are behind the ejector; rejected ones must now be in the bin."""
        self._crowding.forget(self._belt.place(now))
        while self._parts:
            tracked = self._parts[0]
            due = self._belt.arrival(tracked.place, now)
            if due is None:
                return
            if now <= due + self._window:
                self._wake_at(due + self._window)
                return
            del self._parts[0]
            if tracked.action is None:
                self._spoil(tracked, LATE)
            if tracked.action == self._sent and tracked.stated is None:
                self.counts.too_late += 1
            if self._settings.confirm_ms and self._is_rejected(tracked, due):
                self._unconfirmed.append((tracked, due + self._settings.confirm_ms / 1000))

    def _is_rejected(self, tracked: TrackedPart, due: float) -> bool:
        """True if a part goes into the bin, by what was said of it and not by what should have been."""
        if self._sent == "pass":
            return not self._agrees(tracked.stated, due)
        return (tracked.action or self._settings.on_fault) == "reject"

    def _is_behind(self, tracked: TrackedPart, now: float) -> bool:
        return tracked.place < self._belt.place(now)

    def _spoil(self, tracked: TrackedPart, trouble: str) -> None:
        """From now on this part is a fault."""
        if tracked.trouble is None:
            tracked.trouble = trouble
            tracked.action = self._settings.on_fault

    def _keep_apart(self, tracked: TrackedPart) -> None:
        """Parts that are too close to each other are faults; a pass that was sent can't be taken back."""
        for other in reversed(self._parts):
            if other.place <= tracked.place - self._min_gap:
                break
            if other.place >= tracked.place + self._min_gap:
                continue
            self.counts.too_close += 1
            self.counts.not_withheld += self._sent == "pass" and other.stated is not None
            self._spoil(tracked, TOO_CLOSE)
            self._spoil(other, TOO_CLOSE)
        if self._crowding.reaches(tracked.place):
            self.counts.too_close += 1
            self._spoil(tracked, TOO_CLOSE)

    def _leave_out(self, tracked: TrackedPart) -> None:
        """There is no room for it: only its place is kept, so that others are kept apart from it."""
        self.counts.too_many += 1
        self._spoil(tracked, TOO_MANY)
        self._crowding.add(tracked.place, self._min_gap)
        self._add_span(_Span(tracked.place - self._min_gap / 2, tracked.place + self._min_gap / 2))

    def _add_span(self, span: _Span) -> None:
        """Spans are in the order of their places; a belt that goes back may bring one before others."""
        spans = self._spans
        if not self._sweeps or (spans and spans[-1].end is None):
            return
        at = bisect_right(spans, span.start, key=lambda other: other.start)
        spans.insert(at, span)
        while at + 1 < len(spans) and self._are_one(span, spans[at + 1]):
            span.join(spans.pop(at + 1))
        if at and self._are_one(spans[at - 1], span):
            spans[at - 1].join(spans.pop(at))

    def _are_one(self, span: _Span, following: _Span) -> bool:
        """True if they overlap or nothing is known to lie between them: so there are never many."""
        if span.end is None or following.start <= span.end:
            return True
        first = bisect_right(self._parts, span.end, key=lambda tracked: tracked.place)
        return first == len(self._parts) or self._parts[first].place >= following.start

    def _sweep(self, commands: list[GateCommand], now: float) -> None:
        """Reject what went by unseen, in short commands one after the other."""
        while self._spans and self._is_over(self._spans[0], now):
            del self._spans[0]
        if not self._sweeps or (not self._spans and self._lost is None):
            return
        stretch = self._stretch(now)
        if stretch is None:
            return
        begin, end = max(stretch[0], now), stretch[1]
        swept_from, swept_until = self._swept
        if begin >= swept_from - self._window / 2:  # else the belt has become faster since that was said
            begin = max(begin, swept_until)
        if begin >= end:
            self._wake_at(end)
        elif begin - self._margin > now:
            self._wake_at(begin - self._margin)
        else:
            finish = min(end, begin + SWEEP_S)
            self._swept = (swept_from if begin == swept_until else begin, finish)
            reason = self._lost or "not seen"
            pulse_ms = round((finish - begin) * 1000, 3)
            commands.append(GateCommand(None, "reject", begin, finish + self._window, pulse_ms, reason))
            self._wake_at(finish - self._margin)

    def _stretch(self, now: float) -> tuple[float, float] | None:
        """When the next stretch to be swept begins and ends at the ejector; None while the belt stands."""
        if self._lost is not None:
            return now, math.inf
        span = self._spans[0]
        end_place = span.end
        if end_place is None:  # as far as is certain: what comes next may be seen again
            end_place = self._belt.place(now) + self._travel
        begin, end = self._belt.arrival(max(span.start, -1e18), now), self._belt.arrival(end_place, now)
        return None if begin is None or end is None else (begin, end)

    def _is_over(self, span: _Span, now: float) -> bool:
        return span.end is not None and (span.end <= span.start or self._belt.place(now) >= span.end)

    def _wake_at(self, moment: float) -> None:
        self.wake = min(self.wake, moment)
