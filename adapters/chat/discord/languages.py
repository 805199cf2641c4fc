"""Names and descriptions of the commands in other languages, by Discord's locale, then by the code of the text.

A language is added by a table here; what it leaves out is shown in English. Names follow Discord's rule: 1 to 32
lower-case letters, digits, ``-`` or ``_``.
"""

from collections.abc import Mapping

import discord
from discord import app_commands

TRANSLATIONS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "discord_about_imagine": "Male ein Bild aus Worten",
        "discord_about_status": "Meine Anfragen, ihr Platz in der Schlange und was heute noch geht",
        "discord_about_history": "Meine letzten Bilder",
        "discord_about_forget": "Löscht alles, was der Bot über mich gespeichert hat",
        "discord_about_prompt": "was gemalt werden soll",
        "option_no": "was nicht zu sehen sein soll",
        "option_size": "Breite und Höhe wie 1024x1024, oder ein Verhältnis wie 16:9",
        "option_steps": "in wie vielen Schritten: mehr ist langsamer und feiner",
        "option_guidance": "wie genau den Worten gefolgt wird",
        "option_seed": "eine Zahl, die ein Bild wiederholbar macht",
        "option_count": "wie viele Bilder",
        "option_backend": "wer malt",
        "option_style": "in welchem Stil",
    },
}


class Languages(app_commands.Translator):
    def __init__(self, tables: Mapping[str, Mapping[str, str]] = TRANSLATIONS) -> None:
        self._tables = tables

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, _: app_commands.TranslationContextTypes
    ) -> str | None:
        code = string.extras.get("code")
        table = self._tables.get(locale.value) or self._tables.get(locale.value.partition("-")[0]) or {}
        return table.get(str(code)) if code else None
