"""Programs appeal too: an error names the decision, and POST /v1/appeals takes it, once."""

from pathlib import Path

from bot.conduct import ItemKind
from bot.model import Person, Place
from tests.programs import ask, new_key, plain, served

STAFF = Place("api", "moderation")
OPERATOR = Person("web:operator:night", groups=("web:operators",))


async def test_a_banned_key_appeals_against_what_its_errors_name(tmp_path: Path) -> None:
    async with served(tmp_path) as site, plain(site, await new_key(site.house)) as client:
        moderators = site.house.moderators
        await moderators.ban(OPERATOR, STAFF, Person("api:key:ci"), "spam")
        error = (await ask(client)).json()["error"]
        assert error["code"] == "blocked_banned"
        sent = {"decision": error["decision"], "reason": "a broken script \x00"}
        made = await client.post("/v1/appeals", json=sent)
        assert made.status_code == 201
        [case] = await moderators.cases(OPERATOR, STAFF)
        assert (case.item.id, case.item.kind) == (made.json()["id"], ItemKind.APPEAL)
        assert case.item.words == "a broken script"
        again = await client.post("/v1/appeals", json=sent)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "appeal_only_one")
        other = Person("web:operator:day", groups=("web:operators",))
        await moderators.approve(other, STAFF, case.item.id)
        assert (await ask(client)).status_code == 200


async def test_s23_another_key_has_no_such_decision(tmp_path: Path) -> None:
    async with served(tmp_path) as site:
        ours, theirs = await new_key(site.house), await new_key(site.house, "other")
        await site.house.moderators.ban(OPERATOR, STAFF, Person("api:key:ci"), "spam")
        async with plain(site, ours) as client:
            decision = (await ask(client)).json()["error"]["decision"]
        async with plain(site, theirs) as client:
            refused = await client.post("/v1/appeals", json={"decision": decision, "reason": "mine?"})
        assert refused.status_code == 404
        assert await site.house.moderators.cases(OPERATOR, STAFF) == []


async def test_an_appeal_is_read_as_strictly_as_a_request(tmp_path: Path) -> None:
    async with served(tmp_path) as site, plain(site, await new_key(site.house)) as client:
        known = {"decision": "0" * 32}
        wrong: list[object] = [{}, {"decision": "x", "reason": "y"}, known | {"reason": 5}, known | {"more": 1}, []]
        for sent in wrong:
            refused = await client.post("/v1/appeals", json=sent)
            assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
        unknown = await client.post("/v1/appeals", json={"decision": "0" * 32, "reason": "y"})
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "appeal_unknown")
    async with served(tmp_path / "other") as site, plain(site, "nobody") as client:
        assert (await client.post("/v1/appeals", json={})).status_code == 401
