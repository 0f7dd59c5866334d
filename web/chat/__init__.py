"""What the pages of the chat are made of."""
