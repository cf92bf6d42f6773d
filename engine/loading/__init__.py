"""The library: reads workflow files once, and knows the line and column of everything in them."""
