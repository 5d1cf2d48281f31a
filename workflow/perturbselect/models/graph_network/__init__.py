"""What `graphnet` is made of: ridge regression of principal responses, and a network on top of it."""
