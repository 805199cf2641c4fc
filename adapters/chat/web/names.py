"""Friendly, stable names for people who never gave one."""

import hashlib

_FIRST = """
Amber Autumn Bold Brave Bright Calm Cheerful Clever Copper Coral Cosy Crimson Curious Dapper Daring Eager Early Easy
Emerald Fair Fine Gentle Gilded Golden Grand Happy Honest Hazel Indigo Ivory Jade Jolly Keen Kind Lively Lucky Lunar
Maple Mellow Merry Misty Noble Olive Opal Patient Pearl Plucky Quick Quiet Rapid Rosy Ruby Rustic Sandy Scarlet
Silver Snowy Solar Sunny Swift Teal Velvet Warm Wild
"""
_SECOND = """
Badger Beaver Bison Bittern Crane Curlew Deer Dolphin Dove Falcon Ferret Finch Gecko Goose Grouse Hare Hawk Hedgehog
Heron Ibis Jackdaw Kestrel Kingfisher Kite Koala Lark Lemur Linnet Lynx Magpie Marmot Marten Mole Moose Newt
Nuthatch Ocelot Oriole Osprey Otter Owl Panda Pelican Petrel Pigeon Plover Puffin Quail Rabbit Raven Robin Seal
Shrew Siskin Sparrow Squirrel Stork Swallow Swan Tapir Tern Thrush Toucan Wren
"""

HUES = 12


def name_of(person: str) -> str:
    """Two words from a person's key."""
    digest = _digest(person)
    first, second = _FIRST.split(), _SECOND.split()
    return f"{first[digest[0] % len(first)]} {second[digest[1] % len(second)]}"


def hue_of(person: str) -> int:
    """Which of HUES colours a person's mark has."""
    return _digest(person)[2] % HUES


def handle_of(person: str) -> str:
    """What pages call a person: it tells two apart, and does not give their key away."""
    return _digest(person)[3:11].hex()


def _digest(person: str) -> bytes:
    return hashlib.sha256(f"name of {person}".encode()).digest()
