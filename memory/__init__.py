"""What an agent carries from one step of an episode to the next: the store and its strategies."""
