"""The voice: every sentence the bot itself says, and how any message becomes plain text and HTML.

`render.Voice` turns an `engine.core.message.Message` into what is sent. The sentences lie in
``texts/<language>.toml``, the words people may say to the bot in ``words/<language>.toml``.
"""
