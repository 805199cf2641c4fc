"""Discord, in reading order:

text       what people read: prompts made harmless, thread names, alt texts (pure)
address    where an answer goes, as plain data in the job, and the nonces of its messages (pure)
marks      custom ids of buttons and forms, signed (pure)
rest       messages and threads over REST; failures translated
delivery   DiscordChat: progress and results, through the fall-backs; needs no gateway
asking     a request from an interaction: stored, acknowledged, given its thread
buttons    the buttons and forms
commands   the slash commands and the message command, and when they are synced
client     the gateway client, kept alive; start and stop
doctor     what `imagine-bot check` finds out
"""
