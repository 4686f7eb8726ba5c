"""What is asked: the nouns, one file a family, the prompts and the suites."""
