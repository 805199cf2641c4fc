"""Servers that speak as a document says a service speaks, over real sockets on 127.0.0.1, and misbehave when told."""
