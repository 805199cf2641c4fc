"""What a person's Discord client does: offers what was declared, refuses what it would refuse, and sends the event."""

import time
from typing import Any

from tests.standins.discord.gateway import Gateway
from tests.standins.discord.interactions import Asked, Interaction, Interactions
from tests.standins.discord.rest import Rest
from tests.standins.discord.world import Channel, Message, Permission, User, World

Json = dict[str, Any]
SUB, TEXT, INTEGER, FLAG, PERSON, NUMBER = 1, 3, 4, 5, 6, 10
ACCEPTS: dict[int, tuple[type, ...]] = {TEXT: (str,), INTEGER: (int,), FLAG: (bool,), NUMBER: (int, float)}


class NotOffered(Exception):
    """The client would not have let the person do this."""


class Human:
    """Everybody who types and clicks. Each method sends one interaction and returns it at once."""

    def __init__(self, world: World, rest: Rest, gateway: Gateway, interactions: Interactions) -> None:
        self._world, self._rest, self._gateway, self._interactions = world, rest, gateway, interactions

    async def slash(self, user: User, channel: Channel, command: str, /, **options: Any) -> Interaction:
        """``command`` is a name, or a name and sub-commands with blanks between. None values are not given."""
        data = self._command_data(user, channel, command, options, strict=True)
        return await self._send(Asked.COMMAND, user, channel, data)

    async def installed_slash(self, user: User, channel: Channel, command: str, /, **options: Any) -> Interaction:
        """As `slash`, by a person who has the app installed for themselves."""
        data = self._command_data(user, channel, command, options, strict=True)
        return await self._send(Asked.COMMAND, user, channel, data, user_install=True)

    async def autocomplete(
        self, user: User, channel: Channel, command: str, option: str, typed: str, **others: Any
    ) -> Interaction:
        data = self._command_data(user, channel, command, {**others, option: typed}, strict=False)
        focused = next(each for each in data["options"] if each["name"] == option)
        focused["focused"] = True
        return await self._send(Asked.AUTOCOMPLETE, user, channel, data)

    async def message_command(self, user: User, channel: Channel, command: str, message: Message) -> Interaction:
        found = self._find_command(channel, command, kind=3)
        resolved = {"messages": {str(message.id): message.json()}}
        data = {"id": found["id"], "name": command, "type": 3, "target_id": str(message.id), "resolved": resolved}
        return await self._send(Asked.COMMAND, user, channel, data)

    async def click(self, user: User, message: Message, label: str) -> Interaction:
        """Raises NotOffered where the message has no such button, or it is disabled."""
        for button in buttons(message):
            if button.get("label") == label and not button.get("disabled"):
                return await self.press(user, message, button["custom_id"])
        raise NotOffered(f"no button {label!r} among {[button.get('label') for button in buttons(message)]}")

    async def press(self, user: User, message: Message, custom_id: str) -> Interaction:
        """A button with this custom_id, shown or not (an old message, a forged client)."""
        data = {"custom_id": custom_id, "component_type": 2}
        channel = self._world.channel(message.channel)
        return await self._send(Asked.COMPONENT, user, channel, data, clicked=message)

    async def submit(self, opened: Interaction, **values: str) -> Interaction:
        """Send the modal that answered ``opened``; fields not named keep what they were filled with."""
        assert opened.answer
        assert opened.answer["type"] == 9, opened.answer
        modal = opened.answer["data"]
        unknown = set(values) - {each["custom_id"] for each in fields(modal)}
        if unknown:
            raise NotOffered(f"no field {unknown}")
        parts = [_filled(part, values) for part in modal["components"] if part["type"] in (1, 18)]
        data = {"custom_id": modal["custom_id"], "components": parts}
        return await self._send(Asked.MODAL, opened.user, opened.channel, data, clicked=opened.clicked)

    async def repeat(self, interaction: Interaction) -> None:
        """The same event once more, as after a resume or with two gateway sessions."""
        guild = interaction.channel.guild
        await self._gateway.dispatch("INTERACTION_CREATE", interaction.payload, guild.id if guild else None)

    async def malformed(self, channel: Channel) -> None:
        """An interaction that lacks a field which the client library insists on."""
        interaction = self._interactions.make(Asked.COMMAND, self._world.owner, channel, {"name": "?", "type": 1})
        del interaction.payload["attachment_size_limit"]
        await self.repeat(interaction)

    async def _send(self, asked: Asked, user: User, channel: Channel, data: Json, **more: Any) -> Interaction:
        interaction = self._interactions.make(asked, user, channel, data, **more)
        interaction.sent_monotonic = time.monotonic()
        await self.repeat(interaction)
        return interaction

    def _resolved(self, people: list[User], channel: Channel) -> Json:
        guild = channel.guild
        resolved: Json = {"users": {str(person.id): person.json() for person in people}}
        if guild is not None:
            here = [person for person in people if person.id in guild.members]
            resolved["members"] = {
                str(person.id): guild.members[person.id].json()
                | {"permissions": str(int(guild.permissions(person, channel)))}
                for person in here
            }
            for member in resolved["members"].values():
                del member["user"]
        return resolved

    def _find_command(self, channel: Channel, name: str, kind: int = 1) -> Json:
        guild = channel.guild.id if channel.guild else 0
        offered = self._rest.commands.get(guild, []) + self._rest.commands.get(0, [])
        for command in offered:
            contexts = command.get("contexts") or [0, 1, 2]
            if command["name"] == name and command["type"] == kind and (0 if guild else 1) in contexts:
                return command
        raise NotOffered(f"no command {name!r} here, only {[command['name'] for command in offered]}")

    def _command_data(self, user: User, channel: Channel, command: str, options: Json, *, strict: bool) -> Json:
        name, *subs = command.split()
        found = self._find_command(channel, name)
        needed = found.get("default_member_permissions")
        if needed is not None and channel.guild:
            allowed = channel.guild.permissions(user, channel)
            if Permission(int(needed)) not in allowed:
                raise NotOffered(f"{name} is not shown to {user.name}")
        data: Json = {"id": found["id"], "name": name, "type": 1}
        if channel.guild and "guild_id" in found:
            data["guild_id"] = found["guild_id"]
        declared, place = found, data
        for sub in subs:
            declared = next(each for each in declared["options"] if each["name"] == sub)
            place["options"] = [{"name": sub, "type": declared["type"]}]
            place = place["options"][0]
        people = [value for value in options.values() if isinstance(value, User)]
        place["options"] = _given(declared.get("options") or [], options, strict=strict)
        if people:
            data["resolved"] = self._resolved(people, channel)
        return data


def _given(declared: list[Json], options: Json, *, strict: bool) -> list[Json]:
    known = {each["name"]: each for each in declared}
    if unknown := set(options) - set(known):
        raise NotOffered(f"no option {unknown}")
    given = []
    for name, option in known.items():
        value = options.get(name)
        if value is None:
            if option.get("required") and strict:
                raise NotOffered(f"{name} is required")
            continue
        if strict:
            _check(option, value)
        sent = str(value.id) if isinstance(value, User) else value
        given.append({"name": name, "type": option["type"], "value": sent})
    return given


def _check(option: Json, value: Any) -> None:
    name = option["name"]
    accepted = ACCEPTS.get(option["type"], (object,))
    if not isinstance(value, accepted) or (isinstance(value, bool) and option["type"] != FLAG):
        raise NotOffered(f"{name}: {value!r} has the wrong type")
    if isinstance(value, str) and not option.get("min_length", 0) <= len(value) <= option.get("max_length", 6000):
        raise NotOffered(f"{name}: length {len(value)}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = option.get("min_value"), option.get("max_value")
        if (low is not None and value < low) or (high is not None and value > high):
            raise NotOffered(f"{name}: {value} is not within {low} to {high}")
    choices = option.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise NotOffered(f"{name}: {value!r} is no choice")


def buttons(message: Message) -> list[Json]:
    return [part for row in message.components for part in row.get("components", []) if part["type"] == 2]


def fields(modal: Json) -> list[Json]:
    """The inputs of a modal, of either form."""
    inner = [part["component"] for part in modal["components"] if part["type"] == 18]
    return inner + [each for part in modal["components"] if part["type"] == 1 for each in part["components"]]


def _filled(part: Json, values: dict[str, str]) -> Json:
    if part["type"] == 18:
        return {"type": 18, "id": 1, "component": _field(part["component"], values)}
    return {"type": 1, "id": 1, "components": [_field(each, values) for each in part["components"]]}


def _field(field: Json, values: dict[str, str]) -> Json:
    value = values.get(field["custom_id"], field.get("value") or "")
    if field.get("required", True) and not value:
        raise NotOffered(f"{field['custom_id']} is required")
    if len(value) > field.get("max_length", 4000) or (value and len(value) < field.get("min_length", 0)):
        raise NotOffered(f"{field['custom_id']}: length {len(value)}")
    return {"type": field["type"], "id": 2, "custom_id": field["custom_id"], "value": value}
