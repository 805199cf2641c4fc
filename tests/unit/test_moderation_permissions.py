"""Who may do what: the whole matrix of people and acts."""

import pytest

from bot.conduct import Policy
from bot.model import Person, Place
from bot.moderation.permissions import COMMUNITY, Act, Actor, Rank, Subject, may, rank_of

TENANT = "discord:42"
ACTORS = {
    "author": Actor("discord:user:1", TENANT),
    "stranger": Actor("discord:user:2", TENANT),
    "moderator": Actor("discord:user:9", TENANT, Rank.MODERATOR),
    "owner": Actor("discord:user:10", TENANT, Rank.OWNER),
    "moderator of another guild": Actor("discord:user:8", "discord:43", Rank.MODERATOR),
    "owner of another guild": Actor("discord:user:7", "discord:43", Rank.OWNER),
    "banned stranger": Actor("discord:user:3", TENANT, banned=True),
    "banned author": Actor("discord:user:1", TENANT, banned=True),
    "author in a direct message": Actor("discord:user:1", "discord:dm", private=True),
    "author in another guild": Actor("discord:user:1", "discord:43"),
}
SUBJECT = Subject(TENANT, "discord:user:1")
STAFF = {"moderator", "owner"}
MEMBERS = {"author", "stranger", *STAFF}
EXPECTED: dict[Act, set[str]] = {
    Act.CANCEL: {"author", "banned author", "author in a direct message", *STAFF},
    Act.DELETE: {"author", "banned author", "author in a direct message", *STAFF},
    Act.AGAIN: {*MEMBERS, "author in a direct message"},
    Act.VARY: {*MEMBERS, "author in a direct message"},
    Act.SHARE: {"author", "author in a direct message"},
    Act.APPEAL: {"author", "banned author", "author in a direct message"},
    Act.REPORT: MEMBERS,
    **dict.fromkeys(set(Act) - {Act.CANCEL, Act.DELETE, Act.AGAIN, Act.VARY, Act.SHARE, Act.APPEAL, Act.REPORT}, STAFF),
}


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("who", ACTORS)
def test_s23_s27_the_matrix_of_people_and_acts(who: str, act: Act) -> None:
    assert may(ACTORS[who], act, SUBJECT) is (who in EXPECTED[act])


@pytest.mark.parametrize("act", [Act.CLAIM, Act.APPROVE, Act.REJECT, Act.EDIT])
def test_s28_nobody_reviews_their_own_request(act: Act) -> None:
    for rank in (Rank.MODERATOR, Rank.OWNER):
        assert not may(Actor("m", TENANT, rank), act, Subject(TENANT, "m", rank))


@pytest.mark.parametrize("act", [Act.WARN, Act.TIMEOUT, Act.BAN, Act.LIFT, Act.MUTE_REPORTER])
@pytest.mark.parametrize("actor_rank", Rank)
@pytest.mark.parametrize("subject_rank", Rank)
def test_s28_sanctions_only_go_downward(act: Act, actor_rank: Rank, subject_rank: Rank) -> None:
    expected = actor_rank >= Rank.MODERATOR and actor_rank > subject_rank
    assert may(Actor("m", TENANT, actor_rank), act, Subject(TENANT, "other", subject_rank)) is expected
    assert not may(Actor("m", TENANT, actor_rank), act, Subject(TENANT, "m", subject_rank))


def test_only_owners_review_the_hard_category() -> None:
    hard = Subject(TENANT, "discord:user:1", hard=True)
    assert not may(ACTORS["moderator"], Act.APPROVE, hard)
    assert may(ACTORS["owner"], Act.APPROVE, hard)


def test_s26_a_moderator_in_a_direct_message_is_nobodys_moderator() -> None:
    private = Actor("discord:user:9", TENANT, Rank.MODERATOR, private=True)
    assert not any(may(private, act, SUBJECT) for act in COMMUNITY | {Act.BAN, Act.APPROVE, Act.DELETE})


def test_s26_rank_comes_from_the_roles_of_the_moment() -> None:
    moderators = frozenset({"discord:role:9", "slack:user:U9"})
    policy = Policy(TENANT, moderators=moderators, owners=frozenset({"discord:user:5"}))
    here = Place(TENANT, "7")
    with_role = Person("discord:user:9", groups=("discord:role:9",))
    assert rank_of(policy, with_role, here) is Rank.MODERATOR
    assert rank_of(policy, Person("discord:user:9"), here) is Rank.MEMBER
    assert rank_of(policy, Person("slack:user:U9"), here) is Rank.MODERATOR
    assert rank_of(policy, Person("discord:user:5", groups=("discord:role:9",)), here) is Rank.OWNER
    assert rank_of(policy, with_role, Place("discord:43", "7")) is Rank.MEMBER
    assert rank_of(policy, with_role, Place(TENANT, "7", private=True)) is Rank.MEMBER
