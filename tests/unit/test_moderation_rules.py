"""Rules: what a pattern meets, what it lets pass, which patterns are refused, and how authors can try them."""

from dataclasses import replace
from typing import Any

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conduct import HARD, Action, Rule, Target, Texts
from bot.errors import Refused
from bot.moderation import rules as rules_module
from bot.moderation.rules import FilterError, Hit, RuleSet, Scene, compile_rules, looks, match
from bot.moderation.starter import configured, hard_set
from bot.moderation.trial import Past, explain, needs_dry_run, simulate

WORD = "forbidden"


def rule(*patterns: str, **changes: Any) -> Rule:
    return replace(Rule("r1", "discord:42", patterns), **changes)


def hits(ruleset: RuleSet, prompt: str, negative: str | None = None, scene: Scene | None = None) -> tuple[Hit, ...]:
    negatives = () if negative is None else (negative,)
    return match(ruleset, looks(Texts((prompt,), negatives)), scene or Scene())


def catches(pattern: str, text: str) -> bool:
    return any(not hit.near for hit in hits(compile_rules([rule(pattern)]), text))


def shifted(start: int) -> str:
    return "".join(chr(start + ord(letter) - ord("a")) for letter in WORD)


OBFUSCATIONS = {
    "capitals": "FORBIDDEN",
    "mixed case": "fOrBiDdEn",
    "zero width space": "for\u200bbid\u200bden",
    "zero width joiner": "\u200d".join(WORD),
    "word joiner": "for\u2060bidden",
    "soft hyphen": "for\u00adbidden",
    "variation selector": "forb\ufe0fidden",
    "right-to-left override": "\u202eneddibrof",
    "full width": shifted(0xFF41),
    "mathematical bold": shifted(0x1D41A),
    "mathematical fraktur": shifted(0x1D586),
    "circled": shifted(0x24D0),
    "negative squared": shifted(0x1F170),
    "regional indicators": shifted(0x1F1E6),
    "small capitals": "ꜰᴏʀʙɪᴅᴅᴇɴ",
    "Cyrillic homoglyphs": "fоrЬіddеn",
    "Greek homoglyphs": "fοrβιddεn",
    "Cherokee and Lisu homoglyphs": "fꓳᎡbidden",
    "modifier letters": "ᶠᵒʳᵇⁱᵈᵈᵉⁿ",
    "leet digits": "f0rb1dd3n",
    "leet signs": "forb!dd€n",
    "diacritics": "fórbïddèñ",
    "stacked marks": "".join(letter + "\u0336\u0353\u0302" for letter in WORD),
    "spaced letters": "f o r b i d d e n",
    "dotted letters": "f.o.r.b.i.d.d.e.n",
    "spaced leet": "f 0 r b 1 d d 3 n",
    "hyphen inside": "for-bid-den",
    "emoji between letters": "🔥".join(WORD),
    "markdown inside": "for**bid**den",
    "prompt weights": "for(bid:1.3)den",
    "repeated letters": "fooorbiiiddddennn",
    "doubled letters": "ffoorrbbiiddddeenn",
    "reversed": "neddibrof",
    "typo": "forbiden",
    "split into two words": "for bidden",
    "upside down": "uǝppᴉqɹoɟ",
    "rot13": "sbeovqqra",
    "first letters of words": "frogs often rest behind icy dunes during each night",
}
MISSED_ON_PURPOSE = {"typo", "split into two words", "upside down", "rot13", "first letters of words"}


@pytest.mark.parametrize("kind", OBFUSCATIONS)
def test_obfuscations_are_caught_unless_they_are_left_to_people(kind: str) -> None:
    ruleset = compile_rules([rule(WORD)])
    found = [hit for hit in hits(ruleset, f"a picture of {OBFUSCATIONS[kind]} fruit, 8k") if not hit.near]
    assert bool(found) is (kind not in MISSED_ON_PURPOSE)


def test_at_least_29_in_33_kinds_of_obfuscation_are_caught() -> None:
    caught = [kind for kind, text in OBFUSCATIONS.items() if catches(WORD, text)]
    assert len(OBFUSCATIONS) >= 33
    assert len(caught) / len(OBFUSCATIONS) >= 29 / 33 - 0.02
    assert len(caught) >= 33


BAD_WORDS = (
    "cunt", "sex", "ass", "tit", "tits", "cock", "dick", "anal", "anus", "cum", "shit", "fag",
    "hell", "rape", "rapist", "slut", "homo", "nazi", "porn", "penis", "arse", "bum", "crap", "damn",
    "hoe", "pee", "poo", "twat", "wank", "spic", "coon", "paki", "jap", "nude", "gun", "kill",
    "die", "drug", "heroin", "suck", "butt", "pussy", "devil", "god", "con",
)  # fmt: skip
HARMLESS = tuple(
    line.strip()
    for line in """
    the town of Scunthorpe at night
    a map of Essex and Sussex
    Middlesex county fair
    first-class assassin costume
    a classic grand piano
    bass guitar on grass
    embassy building with brass doors
    passionate compass maker
    the titanic at sea
    constitution hall
    statistics on a blackboard
    a peacock in a garden
    cocktail with lime
    a cockatoo and a hancock chair
    Moby Dickens portrait
    Dickensian London street
    an analyst at a desk
    canal houses in Amsterdam
    banal landscape
    manuscript under candlelight
    Janus the two-faced statue
    a cucumber salad
    document on a desk
    circumference of a circle
    shiitake mushrooms
    matsushita radio
    a fagot of wood, no: faggoting needlework is for crafts
    a seashell on the beach
    hello kitty style shell
    Michelle in a wheelchair
    grapes and a therapist
    drapery study
    a trapeze artist
    slutsk monastery winter
    homogeneous texture
    Homer reading
    denazification museum
    Ornate pornographer-free spawn
    arsenal stadium
    parsecs of space
    an album cover
    Bumblebee on a flower
    scrap metal sculpture
    damnation of Faust, opera stage
    a horseshoe and shoes
    speech at a podium
    a poodle by the pool
    Atwater lake
    swanky hotel
    spice market
    raccoon with a spoon
    Pakistan mountain pass
    japanese garden
    Japan in spring, a jar of jam
    a gunter chain, old surveying tool
    a skilled painter
    diet chart and diesel
    drugstore on a corner
    heroine with a sword
    honeysuckle vine
    a button and butter
    pussycat willow basket
    they lived in a lovely cottage
    a good dog
    second-hand books
    conference of birds
    (pen:1.2) is mighty
    push it up the hill
    a pen, island in the fog
    as soon as possible
    mass exodus of wildebeest
    sky godrays over a dogwood
    draw a star, smart trams
    pass the assortment
    buttress of a cathedral
    Wolverhampton
    Penistone railway viaduct
    Lightwater, Clitheroe and Cockermouth
    3 people with diecut stickers and dice
    the hoer's field
    """.strip().splitlines()
)


def test_there_are_sixty_harmless_texts_that_hold_bad_substrings() -> None:
    holding = [text for text in HARMLESS if any(bad in text.casefold().replace(" ", "") for bad in BAD_WORDS)]
    assert len(holding) >= 60


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_texts_pass_every_whole_word_rule(text: str) -> None:
    ruleset = compile_rules([rule(*BAD_WORDS)])
    assert [hit.patterns for hit in hits(ruleset, text)] == []


@pytest.mark.parametrize(
    ("pattern", "meets", "passes"),
    [
        ("cat", ("cat", "a CAT!", "(cat:1.2)"), ("cats", "bobcat", "concatenate")),
        ("cat*", ("cat", "cats", "catalogue"), ("bobcat", "concat")),
        ("*cat", ("cat", "bobcat"), ("cats", "scatter")),
        ("*cat*", ("cats", "bobcat", "concatenate"), ("dog", "cut")),
        ("wild*card", ("wildcard", "wildlycard", "wild-card"), ("wild card", "wildcards")),
        ("red cat", ("a red cat", "red, cat", "red  CAT"), ("red cats", "cat red")),
        ("猫", ("黒猫の絵", "猫"), ("犬",)),
        ("кот", ("чёрный кот", "КОТ", "кoт"), ("котёнок",)),
        ("🍆", ("a 🍆 here", "🍆🍆"), ("a 🍑",)),
        ("god", ("god", "gooood"), ("good", "dog")),
        ("boob", ("boob", "boooob"), ("bob",)),
        ("re:^dog$", ("dog", "DOG"), ("dogs", "a dog")),
        (r"re:\d{4}-\d{4}", ("call 5555-1234",), ("1984",)),
        (r"re:\bvi[o0]lence", ("violence", "víolence", "ｖiolence"), ("inviolence",)),
    ],
)
def test_patterns_mean_what_moderators_know_from_automod(
    pattern: str, meets: tuple[str, ...], passes: tuple[str, ...]
) -> None:
    assert [text for text in meets if not catches(pattern, text)] == []
    assert [text for text in passes if catches(pattern, text)] == []


def test_a_cyrillic_rule_that_looks_latin_does_not_meet_latin_words() -> None:
    assert not catches("сор", "a cop on patrol")
    assert catches("сор", "сор на улице")


def test_a_typo_flags_and_never_does_more() -> None:
    (hit,) = hits(compile_rules([rule(WORD, action=Action.TIMEOUT)]), "a forbiden place")
    assert hit.near
    assert hit.action is Action.FLAG
    assert hits(compile_rules([rule(WORD)]), "forebode") == ()


@pytest.mark.parametrize("text", ["forbiddens", "unforbidden", "the forbiddenness"])
def test_a_word_that_merely_goes_on_is_no_typo(text: str) -> None:
    assert hits(compile_rules([rule(WORD)]), text) == ()


def test_an_exact_match_in_the_negative_prompt_beats_a_typo_in_the_prompt() -> None:
    (hit,) = hits(compile_rules([rule(WORD)]), "forbiden", WORD)
    assert hit.action is Action.BLOCK


def test_targets_look_only_where_they_say() -> None:
    for target, prompt, negative in ((Target.PROMPT, 1, 0), (Target.NEGATIVE, 0, 1), (Target.BOTH, 1, 1)):
        ruleset = compile_rules([rule(WORD, target=target)])
        assert len(hits(ruleset, WORD, "blur")) == prompt
        assert len(hits(ruleset, "fox", WORD)) == negative


def test_all_of_needs_every_pattern_and_takes_alternatives() -> None:
    ruleset = compile_rules([rule("knife|gun", "school", all_of=True)])
    assert hits(ruleset, "a gun in a school")
    assert hits(ruleset, "school, knife")
    assert not hits(ruleset, "a knife on a gun")
    assert not hits(ruleset, "school")


def test_allow_lists_take_their_words_out_and_nothing_else() -> None:
    ruleset = compile_rules([rule("*cunt*", allow=("Scunthorpe", "año"))])
    assert not hits(ruleset, "a street in scunthorpe")
    assert hits(ruleset, "scunthorpe cunts")
    assert hits(ruleset, "scunthorpes")
    assert hits(compile_rules([rule("ano")]), "feliz año")
    assert not hits(compile_rules([rule("ano", allow=("año",))]), "feliz año")


def test_an_allowed_word_does_not_hide_a_disguised_one() -> None:
    ruleset = compile_rules([rule("shit", allow=("shiitake",))])
    assert hits(ruleset, "shiitake and $h!t")


def test_many_allow_lists_on_one_text_stay_strict_past_the_limit() -> None:
    many = [replace(rule("fox", allow=(f"fox{n}",)), id=f"r{n}") for n in range(30)]
    assert len(hits(compile_rules(many), "fox")) == 30


def test_exemptions_hold_for_channels_groups_and_age_restricted_places() -> None:
    ruleset = compile_rules(
        [rule(WORD, exempt_channels=("7",), exempt_groups=("discord:role:9",), age_restricted_exempt=True)]
    )
    assert hits(ruleset, WORD, scene=Scene("8", ("discord:role:8",)))
    assert not hits(ruleset, WORD, scene=Scene("7"))
    assert not hits(ruleset, WORD, scene=Scene("8", ("discord:role:9",)))
    assert not hits(ruleset, WORD, scene=Scene("8", age_restricted=True))


def test_the_hard_category_knows_no_exemption() -> None:
    hard = rule(WORD, category=HARD, exempt_channels=("7",), age_restricted_exempt=True)
    assert hits(compile_rules([hard]), WORD, scene=Scene("7", age_restricted=True))


def test_the_hard_rule_needs_both_halves_and_leaves_negative_prompts_alone() -> None:
    assert hits(hard_set(), "n u d e ch1ld")
    assert hits(hard_set(), "sexy 12 year old")
    assert not hits(hard_set(), "a child with a kite")
    assert not hits(hard_set(), "nude study, 70 years old")
    assert not hits(hard_set(), "portrait of a woman", "nude, child")


def test_a_text_that_utf8_cannot_hold_is_still_looked_at() -> None:
    ruleset = compile_rules([rule(WORD, "re:forb.dden")])
    assert hits(ruleset, "\ud800 forbidden \x00")


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("", "rule_empty"),
        ("   ", "rule_empty"),
        ("*", "rule_empty"),
        ("***", "rule_empty"),
        (".*", "rule_empty"),
        ("re:", "rule_empty"),
        ("a*", "rule_catch_all"),
        ("*e*", "rule_catch_all"),
        ("a", "rule_catch_all"),
        ("re:.*", "rule_catch_all"),
        ("re:.", "rule_catch_all"),
        ("re:[a-z]+", "rule_catch_all"),
        ("re:^", "rule_catch_all"),
        ("re:x|", "rule_catch_all"),
        ("re:[^q]{3}", "rule_catch_all"),
    ],
)
def test_s09_rules_that_meet_everything_are_refused(pattern: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        compile_rules([rule(pattern)])
    assert [problem.code for problem in refused.value.problems] == [code]


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("re:(?=a)b", "rule_expression_look_around"),
        ("re:(?<!a)b", "rule_expression_look_around"),
        (r"re:(a)\1", "rule_expression_wrong"),
        ("re:a{1001}", "rule_expression_wrong"),
        ("re:(((a{30}){30}){30})", "rule_expression_wrong"),
        ("re:(.{1,100}){9}b", "rule_expression_too_costly"),
        ("re:[", "rule_expression_wrong"),
        ("re:\ud800", "rule_expression_wrong"),
        ("re:" + "x" * 261, "rule_expression_too_long"),
        ("x" * 61, "rule_word_too_long"),
    ],
)
def test_s08_expressions_that_re2_refuses_or_that_cost_too_much_are_refused(pattern: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        compile_rules([rule(pattern)])
    assert [problem.code for problem in refused.value.problems] == [code]


def test_s08_a_million_words_are_refused_by_their_number() -> None:
    with pytest.raises(Refused) as refused:
        compile_rules([rule(*["word"] * 1_000_000)])
    assert refused.value.problems[0].values == {"limit": 1000}


def test_s08_eleven_expressions_are_one_too_many() -> None:
    with pytest.raises(Refused) as refused:
        compile_rules([rule(*(f"re:expression{n}" for n in range(11)))])
    assert refused.value.problems[0].code == "rule_too_many_expressions"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"message": "x" * 151}, "rule_message_too_long"),
        ({"allow": ("x",) * 101}, "rule_too_many_allowed"),
        ({"exempt_groups": ("x",) * 21}, "rule_too_many_exempt"),
        ({"exempt_channels": ("x",) * 51}, "rule_too_many_exempt"),
        ({"timeout_seconds": 59.0}, "rule_timeout_out_of_range"),
        ({"timeout_seconds": 29 * 86400.0}, "rule_timeout_out_of_range"),
        ({"timeout_seconds": float("nan")}, "rule_timeout_out_of_range"),
        ({"action": Action.ALLOW}, "rule_without_action"),
        ({"patterns": ()}, "rule_empty"),
    ],
)
def test_rules_past_their_limits_are_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        compile_rules([rule(WORD, **changes)])
    assert [problem.code for problem in refused.value.problems] == [code]


def test_i7_rules_of_two_communities_never_share_a_set() -> None:
    with pytest.raises(ValueError, match="community"):
        compile_rules([rule(WORD), replace(rule(WORD), tenant="discord:43")])


def test_all_problems_of_all_rules_come_together() -> None:
    with pytest.raises(Refused) as refused:
        compile_rules([rule("re:["), replace(rule("re:("), id="r2")])
    assert len(refused.value.problems) == 2


def test_f79_a_word_set_that_found_not_even_its_sentinel_is_an_error_and_not_a_pass() -> None:
    silent = re2.Set.SearchSet()
    silent.Add("fox")
    silent.Compile()
    with pytest.raises(FilterError):
        rules_module._Net(silent, (0,)).find(("hen",))


def test_f79_a_set_too_large_to_compile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "SET_MEMORY", 1 << 12)
    with pytest.raises(Refused) as refused:
        compile_rules([rule(*(f"{n}word*wild" for n in range(100)))])
    assert refused.value.problems[0].code == "rules_too_large"


def test_f76_the_version_of_a_set_changes_with_any_rule() -> None:
    first = compile_rules([rule(WORD)])
    assert first.version == compile_rules([rule(WORD)]).version
    assert first.version != compile_rules([rule(WORD, version=2)]).version


def test_configured_rules_keep_their_entry_as_name() -> None:
    ruleset = compile_rules(configured("web", ["term", "wild*card", "re:^x+$"], ["odd"]))
    assert [hit.rule.id for hit in hits(ruleset, "wildcard, an odd term")] == ["blocked-1", "blocked-2", "held-1"]


def test_an_explanation_shows_the_forms_and_the_rules_that_meet_them() -> None:
    explanation = explain(compile_rules([rule(WORD)]), "f0r-b1d-d3n fruit")
    assert explanation.forms.compact == ("f0rb1dd3n", "forbidden", "forbldden")
    assert [(hit.rule.id, hit.ways) for hit in explanation.hits] == [("r1", ("compact",))]


def test_a_simulation_counts_the_requests_that_would_have_changed() -> None:
    before, after = compile_rules([rule("fox")]), compile_rules([replace(rule("hen"), id="r2", dry_run=True)])
    past = [Past(str(n), Texts((text,))) for n, text in enumerate(["a fox", "a hen", "a hen", "fox and hen", "owl"])]
    outcome = simulate(before, after, past)
    assert (outcome.total, outcome.changed, outcome.stricter, outcome.looser) == (5, 3, 2, 1)
    assert outcome.hits == {"r2": 3}
    assert outcome.examples == ("0", "1", "2")


def test_s09_a_rule_that_meets_a_fifth_of_the_past_starts_as_a_dry_run() -> None:
    past = [Past(str(n), Texts(("a hen" if n < 30 else "a fox",))) for n in range(100)]
    outcome = simulate(compile_rules([]), compile_rules([rule("hen")]), past)
    assert needs_dry_run(outcome, "r1")
    assert not needs_dry_run(outcome, "other")


WORDS_OF_ANY_SCRIPT = st.text(st.characters(categories=["L", "N", "M", "P", "S", "Z"]), max_size=60)


@settings(max_examples=100, deadline=None)
@given(WORDS_OF_ANY_SCRIPT.map(lambda text: text.replace("*", "")), st.sampled_from(["{}", "{}*", "*{}", "*{}*"]))
def test_a_pattern_is_refused_or_meets_itself(text: str, shape: str) -> None:
    try:
        ruleset = compile_rules([rule(shape.format(text))])
    except Refused:
        return
    assert hits(ruleset, text)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=80))
def test_no_request_and_no_pattern_make_the_filter_raise_anything_else(text: str, pattern: str) -> None:
    try:
        ruleset = compile_rules([rule(pattern), rule("re:" + pattern)])
    except Refused:
        ruleset = compile_rules([rule("fox")])
    hits(ruleset, text, text)


def test_stored_rules_are_not_asked_again_whether_they_catch_everything() -> None:
    assert hits(compile_rules([rule("a")], stored=True), "a hen")


def test_a_text_that_meets_every_rule_is_matched_in_time_that_grows_with_the_rules() -> None:
    many = [replace(rule(f"word{n}"), id=f"r{n:03}") for n in range(300)]
    found = hits(compile_rules(many), " ".join(f"word{n}" for n in range(300)), "word1")
    assert [hit.rule.id for hit in found] == [each.id for each in many]
