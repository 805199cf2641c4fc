"""The local engine on a Ray Serve cluster, and the bot's way to it.

In the bot's own process, which needs neither ray nor torch:

    backend.py   the Backend port over HTTP: one request is one streamed answer, closing it cancels the drawing
    wire.py      what both sides say to each other

On the cluster:

    config.py    what an operator says to `serve run`
    replica.py   one replica: a local engine, and one streamed answer a request
    router.py    which replica gets a request
    app.py       the Serve application; these two import ray

The way is HTTP and not Ray's own: a machine that joins a cluster dies with its raylet, has to have the cluster's very
versions of Python and Ray, and may run anything on every node of it. A bot that answers people should do none of that.
"""
