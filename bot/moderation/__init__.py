"""Community moderation as pure decisions. They return codes and Problems; `replies` words them.

In reading order:

normalise    the forms of a text that rules are matched on
lookalikes   Unicode's characters that look like ASCII (generated)
patterns     a rule's pattern to RE2
harmless     what must not be caught
near         typos of rule words, for people to look at
rules        compile a community's rules, match a request
lists        rules as CSV, word lists
starter      the rules of imagine.toml, and the one nobody can take away
trial        explain and simulate, for the authors of rules
permissions  who may do what to whom
verdicts     one verdict from sanctions, mode, rules and picture check
sanctions    strikes, ladder, appeals, trust, reports
review       the review queue's machine
likeness     whether two pictures look alike
commands     "/imagine-mod" as typed to what it asks for
events       what moderation does, as audit events
audit        the hash chain and its export
"""
