"""Discord, in reading order:

text       what people read: prompts made harmless, thread names, alt texts (pure)
address    where an answer goes, as plain data in the job, and the nonces of its messages (pure)
marks      custom ids of buttons and forms, signed (pure)
rows       the rows of buttons
reading    what an interaction says about who, where and what is allowed
rest       messages and threads over REST; failures translated
parcels    a result's files, made small enough for the place they go to
delivery   DiscordChat: progress and results, through the fall-backs; needs no gateway
asking     a request from an interaction: stored, acknowledged, given its thread
buttons    the buttons and forms
forms      Vary, Report
languages  the commands' descriptions in other languages
commands   the slash commands and the message command, and when they are synced
client     the gateway client, kept alive; start and stop
account    the private answers: style, status, forget
history    what a person asked for, with pictures
review     the review channel: cases with their buttons and forms
room       DiscordReviewRoom: what moderators, and the people they decided about, are shown
mod        /imagine-mod
compose    all of it put together for the composition root
doctor     what `imagine-bot check` finds out
"""
