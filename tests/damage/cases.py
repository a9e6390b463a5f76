"""Cases of damage: a file of a pool is damaged, then every command runs on it, and each must answer
as the whole pool does, or refuse and say why.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .answers import DATABASE, answer, contents, difference
from .commands import Commands, Done
from .kinds import KINDS, Damage
from .pools import POOL, World, make_worlds

_COMMANDS = ("status", "next", "predict", "tell", "export", "embed")
_CHANGING = ("next", "tell", "embed")
"""Also ``next``: an answer is logged with what chose the item when it was last asked about."""

_DERIVED = (".npz", ".partial")
_FAULTY = ("Traceback", "Warning:", "Fatal Python error")
_TRIES = 20
"""How often damage is drawn until it changes the file."""


class Outcome(StrEnum):
    """How a case ended, the worst command counting; the last ones must not be."""

    UNHURT = "same answers"
    SAID = "same answers, and said"
    REFUSED = "refused"
    UNLIKE = "ANOTHER ANSWER"
    UNCLEAR = "NO CLEAR ERROR"
    HARMED = "HARM TO OTHER FILES"
    CRASHED = "CRASH"
    HUNG = "HUNG"

    @property
    def allowed(self) -> bool:
        return self in (Outcome.UNHURT, Outcome.SAID, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class Target:
    """What is damaged, and how: files of one of the worlds, by one of the kinds."""

    world: str
    files: tuple[str, ...]
    kind: str

    def __str__(self) -> str:
        return f"{' and '.join(self.files)}, {self.kind}"


@dataclass(frozen=True, slots=True)
class _Step:
    """How one command of a case ended."""

    command: str
    outcome: Outcome
    code: int
    why: str
    said: str

    def full(self) -> str:
        said = " | ".join(filter(None, (self.why, self.said)))
        return f"{self.command}: {self.outcome} (exit {self.code}) {said}"

    def short(self) -> str:
        return replace(self, said=self.said.rpartition("\n")[2]).full()[:300]


@dataclass(slots=True)
class Result:
    """How a case ended, and all that its commands said."""

    number: int
    target: Target
    outcome: Outcome
    steps: list[_Step] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join([self._head(), *(f"    {step.full()}" for step in self.steps)])

    def short(self) -> str:
        """Without the commands that did well, and with the last line of what the others said."""
        bad = (f"    {step.short()}" for step in self.steps if not step.outcome.allowed)
        return "\n".join([self._head(), *bad])

    def _head(self) -> str:
        return f"case {self.number} ({self.target}, pool '{self.target.world}'): {self.outcome}"


@dataclass(frozen=True, slots=True)
class _State:
    """A whole pool that the damaged one may be as good as, and what was done to it since."""

    folder: Path
    done: tuple[str, ...] = ()


class Cases:
    """Runs cases by their numbers. A case is the same in every run of the same seed."""

    def __init__(self, root: Path, knnal: Commands, seed: int) -> None:
        self._worlds = make_worlds(root, knnal)
        self._knnal = knnal
        self._seed = seed
        self._place = root / "case"
        self._folders: dict[_State, Path] = {}
        self._answers: dict[tuple[_State, str], Any] = {}

    @cached_property
    def targets(self) -> list[Target]:
        """All that there is to damage, in a drawn order; case ``i`` takes the ``i``-th, and after
        the last the first again.
        """
        found = [
            Target(name, (file,), kind)
            for name, world in self._worlds.items()
            for file in world.files
            for kind in KINDS
            if _has_meaning(kind, file, world)
        ]
        found.append(Target("vectors", (DATABASE, "embeddings.npy"), "stale"))
        return [found[i] for i in np.random.default_rng(self._seed).permutation(len(found))]

    def numbers(self, count: int, name: str = "") -> list[int]:
        """Of the first ``count`` cases, those that damage files whose names begin so."""
        return [i for i in range(count) if self.target(i).files[0].startswith(name)]

    def target(self, number: int) -> Target:
        return self.targets[number % len(self.targets)]

    def run(self, number: int) -> Result:
        """A case."""
        target = self.target(number)
        world = self._worlds[target.world]
        rng = np.random.default_rng((self._seed, number))
        commands = list(_COMMANDS)
        if "layout.npz" in target.files:
            commands[0] = "inspect"  # which alone reads it
        first = int(rng.integers(len(commands)))
        self._lay_out(world.folder)
        self._damage(target, world, rng)
        result = Result(number, target, Outcome.UNHURT)
        states = [_State(folder) for folder in _as_good(target, world)]
        for command in (*commands[first:], *commands[:first]):
            before = contents(self._place / POOL)
            done = self._knnal.run(self._place, world.commands[command])
            outcome, why, states = self._judged(target, world, command, done, before, states)
            result.steps.append(_Step(command, outcome, done.code, why, done.err.strip()))
        result.outcome = max((step.outcome for step in result.steps), key=list(Outcome).index)
        return result

    def _judged(
        self,
        target: Target,
        world: World,
        command: str,
        done: Done,
        before: dict[str, Any],
        states: Sequence[_State],
    ) -> tuple[Outcome, str, list[_State]]:
        """How a command ended, why that is not right, and which whole pools it leaves possible."""
        after = [
            _State(state.folder, (*state.done, command)) if command in _CHANGING else state
            for state in states
        ]
        either = list(dict.fromkeys([*states, *after]))
        if done.code == -signal.SIGALRM:
            return Outcome.HUNG, "", either
        if done.code < 0 or any(word in done.err for word in _FAULTY):
            return Outcome.CRASHED, "", either
        if done.code:
            told = any(line.startswith("Error: ") for line in done.err.splitlines())
            if not told or done.out or done.code != 1:
                return Outcome.UNCLEAR, "", either
            # What follows from labels and vectors follows them when they have changed.
            followed = any({"tell", "embed"} & {*state.done} for state in states)
            if harmed := self._harmed(before, target, all_derived=followed):
                return Outcome.HARMED, f"changed {', '.join(harmed)}", either
            return Outcome.REFUSED, "", list(states)
        try:
            found = answer(world, command, done.out, self._place)
        except (ValueError, KeyError, OSError) as error:
            return Outcome.UNLIKE, f"no answer ({error})", either
        unlike = [difference(found, self._answer(world, state, command)) for state in states]
        possible = [state for state, where in zip(after, unlike, strict=True) if not where]
        if not possible:
            return Outcome.UNLIKE, unlike[0], either
        named = any(file in done.err for file in target.files)
        return (Outcome.SAID if named else Outcome.UNHURT), "", possible

    def _harmed(
        self, before: dict[str, Any], target: Target, *, all_derived: bool = False
    ) -> list[str]:
        """Files that an error has changed or removed, or left behind. A file that follows from
        others may be made anew where it is damaged, or any of them with ``all_derived``.
        """
        now = contents(self._place / POOL)
        # Commands that only log leave the labeled neighbors to the next one that needs them.
        free = before if all_derived else (*target.files, "neighbours.npz")
        ours = [name for name in free if name.endswith(_DERIVED)]
        changed = [name for name in before if name not in ours and now.get(name) != before[name]]
        return changed + [name for name in now if name not in before and name.endswith(".tmp")]

    def _answer(self, world: World, state: _State, command: str) -> Any:
        """What the whole pool answers."""
        if (state, command) not in self._answers:
            kept = self._place.with_name("kept")
            self._place.rename(kept)
            self._lay_out(self._whole(world, state))
            done = self._done(world, command)
            self._answers[state, command] = answer(world, command, done.out, self._place)
            shutil.rmtree(self._place)
            kept.rename(self._place)
        return self._answers[state, command]

    def _whole(self, world: World, state: _State) -> Path:
        """A folder with the whole pool in that state."""
        if not state.done:
            return state.folder
        if state not in self._folders:
            *earlier, last = state.done
            self._lay_out(self._whole(world, _State(state.folder, tuple(earlier))))
            self._done(world, last)
            self._folders[state] = self._place.with_name(f"whole {len(self._folders)}")
            shutil.copytree(self._place, self._folders[state])
        return self._folders[state]

    def _done(self, world: World, command: str) -> Done:
        """How a command ends in the whole pool that is in place."""
        done = self._knnal.run(self._place, world.commands[command])
        assert done.code == 0, f"{command} in a whole pool: {done}"
        return done

    def _lay_out(self, folder: Path) -> None:
        """Have a copy of the folder in the one place where all commands run."""
        if self._place.exists():
            shutil.rmtree(self._place)
        shutil.copytree(folder, self._place)

    def _damage(self, target: Target, world: World, rng: np.random.Generator) -> None:
        for name in target.files:
            file = self._place / POOL / name
            damage = Damage(file, world.earlier / POOL / name, world.other / POOL / name, rng)
            whole = file.read_bytes()
            for _ in range(_TRIES):
                KINDS[target.kind](damage)
                if not file.exists() or file.read_bytes() != whole:
                    break
            else:
                raise AssertionError(f"no damage was done: {target}")


def _has_meaning(kind: str, file: str, world: World) -> bool:
    """Whether a kind of damage changes a file."""
    if file.endswith(".lock"):
        return kind in ("extend", "remove")  # it is empty
    if kind in ("swap", "stale"):
        another = (world.other if kind == "swap" else world.earlier) / POOL / file
        return (
            another.exists() and another.read_bytes() != (world.folder / POOL / file).read_bytes()
        )
    if kind == "wrong type":
        return file.endswith((".npy", ".npz", ".json", ".sqlite"))
    if kind == "wrong values":
        return file.endswith((".npy", ".npz"))
    if kind == "wrong version":
        return file.endswith((".npy", ".npz", ".sqlite")) or file == "manifest.json"
    return True


def _as_good(target: Target, world: World) -> Sequence[Path]:
    """The whole pools whose answers are right after the damage."""
    if target.kind == "stale" and DATABASE in target.files:
        return [world.earlier]  # a log of an earlier day is a log, and all follows it
    return [world.folder, *world.before_crash]
