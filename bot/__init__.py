"""The core of imagine-bot: no platform, no provider, no database.

In reading order:

model             the nouns, frozen plain data
conduct           the nouns of moderation
programs          the nouns of galleries, API keys and the operators' page
errors            what can go wrong, sorted by what to do next
ports             what the core asks of the outside
ports_moderation  what moderation asks of it
options           what can be said beside the prompt, as data
command           "/imagine" text to a request and back
sizes             the nearest size that a backend has
routing           which backend can do a request, and as what
failover          what becomes of a job and of a backend after an attempt
fairness          what a request costs and whose turn is next
quota             what a person may ask for
pacing            when a call that shares a provider's rate may go out
moderation        rules, verdicts, sanctions, review, permissions, audit
replies           every sentence the bot says
described         what a request asks for beside its prompt, in words
settings          imagine.toml to frozen settings
judging           verdicts on requests as they live
steps             the transitions that both halves share
tastes            what people and channels have set for requests that do not say it
drawing           one claimed job: money, backend, pictures, failures
studio            the way in: what a platform may ask
recent            what was lately, and is forgotten by itself
under_way         waiting until nobody is at something
answering         who waits for an answer goes first
wording           what every chat platform says of a request
holding           a job in a worker's hands
mending           what was closed until somebody mends it, and what nobody will draw
telling           what waiting people hear of their place in the line
worker            the way out: claim, draw, deliver, settle
showing           the worker's other hand: review items, changed pictures, notices
governing         a community's rules and settings, as its moderators change them
moderating        what moderators do, and the people they decide about
mod_words         "/imagine-mod" in words
moderators        those two as platforms are given them
"""
