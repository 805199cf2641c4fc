"""Pictures drawn here, by a diffusers checkpoint, for everybody at once, one denoising step at a time.

Without torch, in the bot's own process:

    config.py      what the operator says, and few-step presets
    checkpoint.py  what a checkpoint's own JSON says of itself: capabilities
    wire.py        frames between the bot and the drawing process
    client.py      the drawing process as the bot sees it: started, watched, killed
    backend.py     the Backend port: restart, one retry, timeout

Without torch, in the drawing process:

    tags.py        <lora:name:weight> in a prompt
    batching.py    who is drawn next, and how many together
    encode.py      pixels to files
    ports.py       what the engine asks of a model, and whom it tells
    engine.py      the loop that advances everybody
    schedulers.py  samplers by name

With torch:

    prompts.py     prompts to embeddings, long ones too
    row.py         one picture on its way
    model.py       noise, denoising, decoding
    pipeline.py    loading, every failure one clear line
    whole.py       checkpoints that cannot be stepped
    process.py     the drawing process itself

And `demo`, the small model that this project trained.
"""
