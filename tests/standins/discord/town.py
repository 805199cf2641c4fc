"""A guild as most tests want it: a room, one for the staff, two people and two moderators."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.standins.discord.world import Channel, Guild, Permission, Role, User, World


@dataclass(frozen=True)
class Town:
    guild: Guild
    role: Role  #: the moderators'
    room: Channel
    staff: Channel
    ada: User
    bob: User
    mod: User
    mod2: User

    @property
    def moderators(self) -> tuple[str, ...]:
        """As imagine.toml names them."""
        return (f"discord:role:{self.role.id}",)

    @property
    def review_channels(self) -> Mapping[str, str]:
        return {f"discord:{self.guild.id}": str(self.staff.id)}


def town(world: World) -> Town:
    guild = world.guild()
    room, staff = world.text_channel(guild), world.text_channel(guild, "staff")
    role = world.role(guild, "moderator", Permission.MODERATE_MEMBERS)
    ada, bob, mod, mod2 = (world.user(name) for name in ("ada", "bob", "mod", "mod2"))
    for user, roles in ((ada, ()), (bob, ()), (mod, (role,)), (mod2, (role,))):
        world.join(guild, user, *roles)
    return Town(guild, role, room, staff, ada, bob, mod, mod2)
