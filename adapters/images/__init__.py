"""Pictures as bytes and as files. Whatever a backend sends is hostile until it was drawn anew from its pixels.

pixels.py   what is done to pixels: sniff, decode in bounds, re-encode, thumbnail, sheet, fit into a limit (pure)
sandbox.py  where it is done: child processes with a memory limit, off the event loop
disk.py     files in an opened folder, durable and following no link
s3.py       objects in a bucket
shelf.py    what the two have in common
files.py    the content-addressed pictures and the previews on one of them
likeness.py a picture's difference hash, by which copies of it are found

classifier.py  the operator's picture check; scoring.py, its process of its own
frames.py      what the bot and these processes send each other

This file imports only the first, so that a child process starts quickly.
"""

from adapters.images.pixels import MAX_PIXELS, contact_sheet, decode, fit, media_type, reencode, sniff, thumbnail

__all__ = ["MAX_PIXELS", "contact_sheet", "decode", "fit", "media_type", "reencode", "sniff", "thumbnail"]
