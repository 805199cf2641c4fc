"""The HTTP API. In reading order:

body      a request's body, read strictly (pure)
errors    OpenAI's error shape, and the status that says what to do next
work      from a request to a job of the key's person, and its outcome
outcomes  waiting for jobs
answers   finished pictures as OpenAI's clients read them; stream, the same as they come
spec      the OpenAPI document of this very house
app       the routes
"""
