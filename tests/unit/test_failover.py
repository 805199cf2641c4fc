import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BackendError, Broken, Busy, Down, Rejected
from bot.failover import (
    GiveUp,
    Retry,
    Wait,
    after_crash,
    after_error,
    after_stop,
    breaker_after,
    mended,
    over_budget,
    probe_pause,
    remembered,
    resumable,
)
from bot.model import Breaker, ImageRequest, Job, JobState, Origin, Person, Place, Problem, Stage
from bot.replies import problem as sentence

NOW = 1000.0
OPEN = Breaker("hive")
JOB = Job(
    id="0" * 32,
    key="k",
    origin=Origin(Person("web:user:1"), Place("web", "room")),
    request=ImageRequest("a fox"),
    state=JobState.RUNNING,
    created_at=0.0,
    candidates=("hive", "ovh"),
    backend="hive",
)
ALONE = replace(JOB, candidates=("hive",))


def after(error: BackendError, job: Job = JOB) -> Retry | Wait | GiveUp:
    return after_error(error, job)


def test_f20_a_busy_backend_is_no_failed_attempt_and_rests_as_long_as_it_says() -> None:
    assert after(Busy("429", retry_after=30)) == Wait(("hive", "ovh"))
    breaker = breaker_after(OPEN, Busy("429", retry_after=30), NOW, 0.5)
    assert (breaker.closed_until, breaker.failures) == (NOW + 30, 0)


@pytest.mark.parametrize(
    ("retry_after", "rest"), [(0, 0), (-5, 0), (1e9, 3600), (math.inf, 3600), (math.nan, 0), (None, 7.5)]
)
def test_f20_a_rest_is_never_absurd(retry_after: float | None, rest: float) -> None:
    assert breaker_after(OPEN, Busy("429", retry_after=retry_after), NOW, 0.5).closed_until == NOW + rest


def test_f21_a_backend_that_is_down_is_left_for_the_others() -> None:
    assert after(Down("503")) == Retry(("ovh",), error=True)


def test_f21_the_last_one_is_tried_until_five_errors_end_the_job() -> None:
    assert after(Down("503"), ALONE) == Retry(("hive",), error=True)
    assert after(Down("503"), replace(ALONE, errors=4)) == GiveUp(JobState.FAILED, Problem("failed_down"))
    assert after(Down("503"), replace(JOB, errors=4)) == GiveUp(JobState.FAILED, Problem("failed_down"))


def test_f22_a_second_attempt_that_may_have_been_charged_ends_the_job() -> None:
    timeout = Down("timeout", maybe_charged=True)
    assert after(timeout, ALONE) == Retry(("hive",), error=True, paid=True)
    assert after(timeout, replace(ALONE, paid_attempts=1)) == GiveUp(JobState.FAILED, Problem("failed_paid"))
    assert after(Down("503"), replace(ALONE, paid_attempts=1)) == Retry(("hive",), error=True)


@pytest.mark.parametrize("stage", Stage)
def test_f25_what_a_backends_moderation_refused_goes_nowhere_else(stage: Stage) -> None:
    decision = after(Rejected("451", stage=stage))
    assert isinstance(decision, GiveUp)
    assert decision.state == JobState.REJECTED
    assert "moderation refused" in sentence(decision.reason)


def test_f26_a_backend_without_credit_is_closed_for_everybody_until_mended() -> None:
    broke = Down("405", until_fixed=True)
    assert after(broke) == Retry(("ovh",))
    breaker = breaker_after(OPEN, broke, NOW, 0.5)
    assert (breaker.closed_until, breaker.reason) == (math.inf, "405")
    assert breaker_after(breaker, None, NOW, 0.5).closed_until == math.inf
    assert mended(breaker) == replace(OPEN, opened_times=1)


def test_f26_a_backend_that_is_not_mended_is_asked_ever_more_rarely() -> None:
    assert [probe_pause(OPEN, probes) for probes in range(6)] == [60.0, 120.0, 240.0, 480.0, 600.0, 600.0]
    assert probe_pause(mended(OPEN), 0) == 120.0


def test_f26_a_request_with_nowhere_else_to_go_waits_for_the_operator() -> None:
    assert after(Down("401", until_fixed=True), replace(ALONE, errors=4)) == Wait(("hive",))


def test_f27_a_request_that_the_backend_cannot_do_fails() -> None:
    assert after(Broken("422")) == GiveUp(JobState.FAILED, Problem("failed_broken"))
    failing = replace(OPEN, failures=3)
    assert breaker_after(failing, Broken("422"), NOW, 0.5) == failing


def test_f13_a_job_that_killed_two_workers_is_given_up() -> None:
    assert after_crash(replace(JOB, crashes=1), charges=False) == Retry(("hive", "ovh"))
    assert after_crash(replace(JOB, crashes=2), charges=False) == GiveUp(JobState.FAILED, Problem("failed_crash"))


def test_f06_a_crash_during_a_paid_call_counts_as_a_paid_attempt() -> None:
    crashed = replace(JOB, crashes=1)
    assert after_crash(crashed, charges=True) == Retry(("hive", "ovh"), paid=True)
    again = replace(crashed, paid_attempts=1)
    assert after_crash(again, charges=True) == GiveUp(JobState.FAILED, Problem("failed_paid"))


def test_f28_a_crash_during_a_task_that_can_be_resumed_is_not_paid_twice() -> None:
    crashed = replace(JOB, crashes=1, task=remembered(JOB, "abc"), paid_attempts=1)
    assert after_crash(crashed, charges=True) == Retry(("hive", "ovh"))
    elsewhere = replace(crashed, backend="ovh")
    assert after_crash(elsewhere, charges=True) == GiveUp(JobState.FAILED, Problem("failed_paid"))


def test_f28_a_task_is_resumed_by_the_backend_that_began_it_alone() -> None:
    began = replace(JOB, task=remembered(JOB, '{"id": "a b"}'))
    assert resumable(began) == '{"id": "a b"}'
    assert resumable(replace(began, backend="ovh")) == ""
    assert remembered(JOB, "") == resumable(JOB) == ""


def test_f12_a_worker_that_is_stopped_in_a_paid_call_counts_it() -> None:
    assert after_stop(JOB, charges=False) == Retry(("hive", "ovh"))
    assert after_stop(JOB, charges=True) == Retry(("hive", "ovh"), paid=True)
    again = replace(JOB, paid_attempts=1)
    assert after_stop(again, charges=True) == GiveUp(JobState.FAILED, Problem("failed_paid"))
    assert after_stop(replace(again, task=remembered(JOB, "abc")), charges=True) == Retry(("hive", "ovh"))


def test_a_backend_whose_budget_is_spent_rests_until_the_next_utc_day() -> None:
    closed = over_budget(OPEN, 86_400 * 3 + 5.0)
    assert closed.closed_until == 86_400 * 4
    assert "budget" in closed.reason
    assert over_budget(replace(OPEN, closed_until=math.inf, reason="401"), NOW).reason == "401"


def failures(breaker: Breaker, count: int, now: float, jitter: float = 1.0) -> Breaker:
    for _ in range(count):
        breaker = breaker_after(breaker, Down("503"), now, jitter)
    return breaker


def test_f21_five_failures_in_a_row_close_a_backend() -> None:
    assert failures(OPEN, 4, NOW).closed_until == 0.0
    assert failures(OPEN, 5, NOW).closed_until == NOW + 15
    assert failures(breaker_after(failures(OPEN, 4, NOW), None, NOW, 0.5), 4, NOW).closed_until == 0.0


def test_f21_each_closure_without_a_success_between_is_longer_up_to_a_limit() -> None:
    breaker, now, rests = failures(OPEN, 4, NOW), NOW, []
    for _ in range(8):
        breaker = breaker_after(breaker, Down("503"), now, 1.0)
        rests.append(breaker.closed_until - now)
        now = breaker.closed_until
    assert rests == [15, 30, 60, 120, 240, 480, 600, 600]


def test_f21_requests_already_under_way_when_it_closed_do_not_lengthen_the_closure() -> None:
    assert failures(OPEN, 9, NOW).closed_until == failures(OPEN, 5, NOW).closed_until


def test_f21_jitter_spreads_the_return() -> None:
    assert failures(OPEN, 5, NOW, 0.0).closed_until == NOW + 7.5
    assert failures(OPEN, 5, NOW, 0.5).closed_until == NOW + 11.25


def test_a_success_under_way_does_not_shorten_a_rest_but_a_later_one_opens_fully() -> None:
    resting = breaker_after(OPEN, Busy("429", retry_after=30), NOW, 0.5)
    assert breaker_after(resting, None, NOW + 1, 0.5).closed_until == NOW + 30
    assert breaker_after(resting, None, NOW + 30, 0.5) == OPEN
    closed = failures(OPEN, 6, NOW)
    assert breaker_after(closed, None, NOW + 60, 0.5) == OPEN


ERRORS = st.one_of(
    st.none(),
    st.builds(Busy, st.just("b"), retry_after=st.none() | st.floats()),
    st.builds(Down, st.just("d"), until_fixed=st.booleans()),
    st.builds(Rejected, st.just("r")),
    st.builds(Broken, st.just("x")),
)


@given(st.lists(st.tuples(ERRORS, st.floats(0, 1), st.floats(0, 100)), max_size=40))
def test_a_closure_is_never_shortened_by_what_comes_after(
    history: list[tuple[BackendError | None, float, float]],
) -> None:
    breaker, now = OPEN, NOW
    for error, jitter, passed in history:
        now += passed
        after_it = breaker_after(breaker, error, now, jitter)
        assert after_it.closed_until >= breaker.closed_until or breaker.closed_until <= now
        assert after_it.closed_until in {math.inf, breaker.closed_until} or after_it.closed_until <= now + 3600
        breaker = after_it


DOWNS = st.builds(Down, st.just("d"), maybe_charged=st.booleans(), until_fixed=st.booleans())


@given(st.lists(DOWNS, min_size=1, max_size=12))
def test_a_job_always_has_somewhere_to_go_until_it_ends(errors: list[Down]) -> None:
    job = replace(JOB, candidates=("hive", "ovh", "local"))
    for error in errors:
        decision = after(error, job)
        if isinstance(decision, GiveUp):
            return
        assert decision.candidates
        job = replace(job, candidates=decision.candidates, backend=decision.candidates[0])
        if isinstance(decision, Retry):
            job = replace(job, errors=job.errors + decision.error, paid_attempts=job.paid_attempts + decision.paid)
        assert job.errors < 5
        assert job.paid_attempts < 2
