"""Names and descriptions of the commands in other languages, by Discord's locale, then by the code of the text.

A language is added by a table here; what it leaves out is shown in English. A description and a choice go by the code
of their text, the name of a command, group or option by ``name:`` and itself; those follow Discord's rule: 1 to 32
lower-case letters, digits, ``-`` or ``_``, for what stands behind a slash.
"""

from collections.abc import Mapping

import discord
from discord import app_commands

TRANSLATIONS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "name:Imagine again": "Noch einmal malen",
        "discord_about_imagine": "Male ein Bild aus Worten",
        "discord_about_style": "In welchem Stil meine Anfragen gemalt werden, die keinen nennen",
        "discord_about_style_name": "ein Stil, none, oder default, um ihn zurückzunehmen",
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
        "length_600": "10 Minuten",
        "length_3600": "1 Stunde",
        "length_86400": "1 Tag",
        "length_604800": "7 Tage",
        "length_2419200": "28 Tage",
        "mode_open": "offen",
        "mode_new-members": "neue Mitglieder werden geprüft",
        "mode_review-all": "alle werden geprüft",
        "mode_closed": "geschlossen",
    },
}


NAMES = frozenset(
    {
        app_commands.TranslationContextLocation.command_name,
        app_commands.TranslationContextLocation.group_name,
        app_commands.TranslationContextLocation.parameter_name,
    }
)


class Languages(app_commands.Translator):
    def __init__(self, tables: Mapping[str, Mapping[str, str]] = TRANSLATIONS) -> None:
        self._tables = tables

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        code = f"name:{string.message}" if context.location in NAMES else string.extras.get("code")
        table = self._tables.get(locale.value) or self._tables.get(locale.value.partition("-")[0]) or {}
        return table.get(str(code)) if code else None
