"""The core of imagine-bot: no platform, no provider, no database.

In reading order:

model        the nouns, frozen plain data
conduct      the nouns of moderation
errors       what can go wrong, sorted by what to do next
ports        what the core asks of the outside
options      what can be said beside the prompt, as data
command      "/imagine" text to a request and back
sizes        the nearest size that a backend has
routing      which backend can do a request, and as what
failover     what becomes of a job and of a backend after an attempt
fairness     what a request costs and whose turn is next
quota        what a person may ask for
moderation   rules, verdicts, sanctions, review, permissions, audit
replies      every sentence the bot says
settings     imagine.toml to frozen settings
steps        the transitions that both halves share
drawing      one claimed job: money, backend, pictures, failures
studio       the way in: what a platform may ask
answering    who waits for an answer goes first
wording      what every chat platform says of a request
holding      a job in a worker's hands
worker       the way out: claim, draw, deliver, settle
"""
