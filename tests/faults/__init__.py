"""What goes wrong around a running house: none of it stops, hurries, silences or logs out the bot."""
