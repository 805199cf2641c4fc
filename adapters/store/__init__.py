"""The Store port over named SQL, once for both dialects. In reading order:

engine         what a dialect brings
sql            the named queries of the .sql files, and the migrations
sqlite         one writer connection; reading and together save ways to its thread
postgres       several processes; notices wakes them, pgerrors translates
rows           rows to nouns and back; conduct_rows those of moderation
ledger, turns, endings, people, posts, queue, chain    steps inside a transaction
whole          whole transactions as one call
shelf          what the methods below stand on
jobs           jobs on their way in and out
room, memory, rates, programs, installations           the rest of drawing
community, review                                      moderation
store          all of it
move           a SQLite store into a PostgreSQL one
"""
