"""Everything that touches the outside. The kinds of adapter (chat, backends, store, images) do not know each other.

main           the composition root, with platforms (the chats) and factory (backends, pictures)
cli            the command line; what is behind its commands:
               demo, init, check, draw, verdict, keys, login, export, small, local_extra
configuration  the file system's part of the settings
control        the running bot's local socket, which the small commands speak to
several        what a process owes the others on one PostgreSQL store
observe        events to log lines and metrics
clock, disk, limiter    the machine's clocks, room on the disk, the providers' turns
sealing, tokens         short secrets: kept so that they can be read again, or never
"""
