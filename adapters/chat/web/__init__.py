"""The web: the room, the gallery, the operators' pages, and under `api` the door for programs.

server, guard, posts       one uvicorn in the bot's own loop, what holds for every page, and for every post
sessions, names            who a browser is
pages, files               templates, and the pages' own scripts and styles
views, room, speaking      the room: what it shows, its routes, what people say there
hub                        one task renders each change once, for every open page
delivery                   the way out
gallery                    a person's pictures, and the shared ones
moderation                 the review queue's page; deciding is what it shows, operating what its forms ask for
operators                  how the house is; operators_view is what it shows
"""
