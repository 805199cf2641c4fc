"""For the authors of rules: what a text looks like to them, and what a change would have done to past requests."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.conduct import Action, Texts
from bot.moderation.normalise import Forms, forms
from bot.moderation.rules import CATCH_ALL_SHARE, Hit, RuleSet, Scene, looks, match

MAX_EXAMPLES = 10
MIN_PAST = 20  #: requests; fewer say nothing about a share


@dataclass(frozen=True, slots=True)
class Explanation:
    forms: Forms
    hits: tuple[Hit, ...]  #: as a prompt or as a negative prompt, exemptions aside


@dataclass(frozen=True, slots=True)
class Past:
    job_id: str
    texts: Texts
    scene: Scene = field(default_factory=Scene)


@dataclass(frozen=True, slots=True)
class Simulation:
    total: int
    stricter: int
    looser: int
    hits: Mapping[str, int]  #: by rule
    examples: tuple[str, ...]  #: jobs that would have changed

    @property
    def changed(self) -> int:
        return self.stricter + self.looser


def explain(ruleset: RuleSet, text: str) -> Explanation:
    """Raises FilterError."""
    return Explanation(forms(text), match(ruleset, looks(Texts((text,), (text,))), Scene()))


def simulate(before: RuleSet, after: RuleSet, past: Sequence[Past]) -> Simulation:
    """Which requests the rules would have treated otherwise; a dry run counts as if it acted. Raises FilterError."""
    hits: Counter[str] = Counter()
    changes: list[tuple[str, int]] = []
    for request in past:
        new = match(after, looks(request.texts), request.scene)
        hits.update(hit.rule.id for hit in new)
        change = _strictest(new) - _strictest(match(before, looks(request.texts), request.scene))
        if change:
            changes.append((request.job_id, change))
    return Simulation(
        total=len(past),
        stricter=sum(change > 0 for _, change in changes),
        looser=sum(change < 0 for _, change in changes),
        hits=dict(hits),
        examples=tuple(job_id for job_id, _ in changes[:MAX_EXAMPLES]),
    )


def needs_dry_run(simulation: Simulation, rule_id: str) -> bool:
    """Whether a rule would meet so much that it has to start as a dry run (row S09)."""
    return simulation.total >= MIN_PAST and simulation.hits.get(rule_id, 0) > CATCH_ALL_SHARE * simulation.total


def _strictest(hits: Sequence[Hit]) -> Action:
    return max((hit.action for hit in hits), default=Action.ALLOW)
