"""What whoever looks after a running house needs: what waits for them, what they may order, and how things stand."""
