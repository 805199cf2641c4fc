"""Pictures drawn here, by a diffusers checkpoint, for everybody at once, one denoising step at a time.

In reading order; what is left of the line never imports torch:

    config.py      what the operator says, and few-step presets     |  schedulers.py  samplers by name
    checkpoint.py  what a checkpoint's own JSON says: capabilities   |  prompts.py     prompts to embeddings, long ones too
    tags.py        <lora:name:weight> in a prompt                    |  pipeline.py    loading, every failure one clear line
    batching.py    who is drawn next, and how many together          |  model.py       noise, denoise, decode: all that touches the card
    wire.py        frames between the bot and the drawing process    |  row.py         one picture on its way
    client.py      the drawing process as the bot sees it            |  engine.py      the loop that advances everybody
    backend.py     the Backend port: retry, restart, timeout         |  whole.py       checkpoints that cannot be stepped
                                                                     |  process.py     the drawing process itself
"""
