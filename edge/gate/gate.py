"""Parts between camera and ejector, and the schedule of gate commands.

Pure: times come in as monotonic seconds, and the belt's position comes from edge.gate.belt.
docs/reference/gate-rules.md has the rules in full, by number; in short:

- A part is tracked from the moment it is seen. A part without a verdict at its deadline is a fault.
- A command is sent while it can still be on time, or never.
- Parts closer than ``min_gap`` can't be told apart at the ejector: neither passes, whether or not there was
  room for both.
- Stretches of belt that went by unseen are rejected as a fault would be, in "reject-on-defect" by commands
  without a part: before the start, while nothing was watching, and while the belt's position is unknown.
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

    ``part`` is None for belt that went by unseen. ``reason`` is given where it isn't the verdict;
    ``due_count`` is the encoder's count when the command is due, on a belt with an encoder.
    """

    part: str | None
    action: Action
    due: float
    valid_until: float
    pulse_ms: float
    reason: str | None = None
    due_count: int | None = None


def at_sending(command: GateCommand, now: float) -> GateCommand | None:
    """Return the command as it may be sent ``now``, shortened if it has no part; None if it is too late."""
    if now <= command.due:
        return command
    left_ms = round((command.due - now) * 1000 + command.pulse_ms, 3)
    return None if command.part is not None or left_ms <= 0 else replace(command, due=now, pulse_ms=left_ms)


def useless_after(command: GateCommand) -> float:
    """Return the monotonic time after which a command must no longer be sent."""
    return command.due if command.part is not None else command.due + command.pulse_ms / 1000


@dataclass(eq=False)
class TrackedPart:
    """A part between camera and ejector. ``place`` is the belt's place when the part is at the ejector.

    ``trouble`` is why no verdict counts any more; ``stated`` is the due time in the command that was sent.
    """

    part: str
    place: float
    action: Action | None = None
    trouble: str | None = None
    stated: float | None = None
    confirmed: bool = False


@dataclass
class _Span:
    """A stretch of belt that went by unseen, in places at the ejector; open while ``end`` is None."""

    start: float
    end: float | None = None

    def join(self, following: "_Span") -> None:
        """Extend this span over one that starts no earlier."""
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
    """Return the action for a part with this verdict."""
    if verdict == Verdict.OK:
        return "pass"
    if verdict == Verdict.UNSURE:
        return settings.on_unsure
    if verdict == Verdict.FAULT:
        return settings.on_fault
    return "reject"


class Gate:
    """The parts between camera and ejector. Report events to it, and send the commands from ``step``.

    At first nothing is watched (``watch``), and the place of a belt that sends messages unknown (``found``).
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
        """Apply new settings on the same belt; none of the parts tracked so far passes."""
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
        """Number of parts between camera and gate."""
        return len(self._parts)

    @property
    def lost(self) -> str | None:
        """Reason why the position of the parts is unknown, or None."""
        return self._lost

    def action(self, verdict: Verdict) -> Action:
        """Return the action for a part with this verdict."""
        return action_for(verdict, self._settings)

    def expect(self, part: str, seen: float, *, count: int | None = None) -> TrackedPart:
        """Register a part seen at ``seen`` (monotonic seconds), or at encoder position ``count``."""
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
        """Set the verdict of a part; return the reason if it is a fault nevertheless, else None."""
        if tracked.trouble is None and tracked.action is None:
            due = self._belt.arrival(tracked.place, now)
            if self._is_behind(tracked, now) or (due is not None and now > due - self._margin):
                self._spoil(tracked, LATE)
            else:
                tracked.action = self.action(verdict)
        return tracked.trouble

    def step(self, now: float) -> list[GateCommand]:
        """Return the commands to send now, and set ``wake``, the latest time for the next call."""
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
        """Note that a command from ``step`` was sent: one without a part may bring parts to the bin."""
        if command.part is None:
            self._unseen_until = max(self._unseen_until, command.due + command.pulse_ms / 1000)

    def unsent(self, command: GateCommand) -> None:
        """Note that a command from ``step`` could not be sent; it is returned again while there is time."""
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
        """Return True if a command from ``step`` is still valid: in time, and nothing has changed since."""
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
        """Note that every part is seen from ``at`` on."""
        self._watching = True
        if self._spans and self._spans[-1].end is None:
            self._spans[-1].end = max(self._belt.place(at) + self._travel, self._old_until)

    def unwatch(self, at: float) -> None:
        """Note that parts may pass unseen from ``at`` on."""
        self._watching = False
        self._add_span(_Span(self._belt.place(at) + self._travel))

    def lose(self, reason: str) -> None:
        """Note that the belt's position is unknown: no part on it passes."""
        for tracked in self._parts:
            self._spoil(tracked, reason)
        self._parts.clear()
        self._crowding.clear()
        self._lost = reason

    def found(self, now: float) -> None:
        """Note that the belt's position is known again; the parts on it are not."""
        self._lost = None
        self._known_since = now
        self._swept = (-math.inf, -math.inf)
        self._spans = [_Span(-math.inf, self._belt.place(now) + self._travel if self._watching else None)]

    def confirm(self, now: float) -> bool:
        """Register a part seen in the bin; return False if no rejected part could be there."""
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
        """Return rejected parts that were not seen in the bin in time, each once."""
        parts = [
            tracked.part for tracked, until in self._unconfirmed if until < now and not tracked.confirmed
        ]
        self._unconfirmed = [
            (tracked, until) for tracked, until in self._unconfirmed if until >= now and not tracked.confirmed
        ]
        self.counts.unconfirmed += len(parts)
        return parts

    def end(self) -> None:
        """Make faults of parts without a verdict."""
        for tracked in self._parts:
            if tracked.action is None:
                self._spoil(tracked, "the station was stopped")

    @property
    def is_settled(self) -> bool:
        """True if every part has its final command."""
        return all(self._has_its_command(tracked) for tracked in self._parts)

    def _has_its_command(self, tracked: TrackedPart) -> bool:
        return tracked.action is not None and (tracked.action != self._sent or tracked.stated is not None)

    def _consider(self, tracked: TrackedPart, due: float, now: float, commands: list[GateCommand]) -> None:
        """Add the command of a decided part, once it may be sent and while there is time."""
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
        """Return True if the due time that was sent is close enough to the present one."""
        return stated is not None and abs(due - stated) <= self._window / 2

    def _may_leave(self, tracked: TrackedPart, due: float, now: float) -> float:
        """Return when a command may be sent.

        On a steady belt a reject may be sent at once, a pass when no part can follow too closely.
        """
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
        """Drop parts that are past the ejector; rejected ones must now be in the bin."""
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
        """Return True if a part goes into the bin, by the command that was sent for it."""
        if self._sent == "pass":
            return not self._agrees(tracked.stated, due)
        return (tracked.action or self._settings.on_fault) == "reject"

    def _is_behind(self, tracked: TrackedPart, now: float) -> bool:
        return tracked.place < self._belt.place(now)

    def _spoil(self, tracked: TrackedPart, trouble: str) -> None:
        """Make a part a fault."""
        if tracked.trouble is None:
            tracked.trouble = trouble
            tracked.action = self._settings.on_fault

    def _keep_apart(self, tracked: TrackedPart) -> None:
        """Make faults of parts too close to each other; a pass already sent can't be taken back."""
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
        """Keep only the place of a part that there is no room for, so that others are kept apart from it."""
        self.counts.too_many += 1
        self._spoil(tracked, TOO_MANY)
        self._crowding.add(tracked.place, self._min_gap)
        self._add_span(_Span(tracked.place - self._min_gap / 2, tracked.place + self._min_gap / 2))

    def _add_span(self, span: _Span) -> None:
        """Insert a span in the order of places; a belt that runs back may bring one before others."""
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
        """Return True if spans overlap or no known part lies between them, which keeps them few."""
        if span.end is None or following.start <= span.end:
            return True
        first = bisect_right(self._parts, span.end, key=lambda tracked: tracked.place)
        return first == len(self._parts) or self._parts[first].place >= following.start

    def _sweep(self, commands: list[GateCommand], now: float) -> None:
        """Reject stretches that went by unseen, in short commands one after the other."""
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
        """Return when the next unseen stretch begins and ends at the ejector; None while the belt stands."""
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
