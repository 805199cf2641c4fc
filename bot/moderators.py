"""What moderators and the people they decide about may ask, from every surface alike.

Who may do what is looked up anew at every call, from the actor's groups and the tenant of the place it comes from
(rows S23, S26 to S28). Every method returns a value or raises `Refused`, whose sentences are for whoever acted.

A target is a `Person` as the platform knows it now: its ``groups`` say whether it is a moderator or an owner itself.
Beside roles, ``groups`` of the acting person holds ``discord:owners`` for whoever owns or administers the guild,
``slack:owners`` for the workspace's owners and admins, and ``web:operators`` for whoever came by the login link.
"""

from collections.abc import Sequence

from bot.mod_words import ModWords
from bot.model import Person, Place
from bot.moderating import Moderating


class Moderators(Moderating):
    async def dispatch(self, actor: Person, place: Place, text: str) -> Sequence[str]:
        """``/imagine-mod …`` (with or without that word) as typed; the lines of the answer. Refusals are lines too.

        ``help`` lists what there is. Raises StoreError.
        """
        return await ModWords(self).dispatch(actor, place, text)
