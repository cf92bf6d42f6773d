"""The workflow folders while the house runs: looked after, put into service, and told of to the stewards."""
