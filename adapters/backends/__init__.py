"""One provider a file, without a base class; to add one, copy `ovh`.

ovh, dataoorts, hive, imagepipeline         the hosted ones
http, download, split, limits, preflight    what they share: calls, pictures from urls, several calls, bounds, probes
sketch       the embedded default: draws what the words say
diffusers    a checkpoint on this machine
ray          the same engine on a cluster
"""
