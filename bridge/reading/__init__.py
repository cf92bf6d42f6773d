"""The ear: what a person's message says, as far as it can be read, and never more of its words than that.

`ear.Ear` implements `engine.runtime.ports.Reader`. Reading is synchronous and asks nobody outside memory;
its only clock is the moment it is given.
"""
