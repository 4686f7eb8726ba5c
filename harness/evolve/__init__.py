"""Programs evolved by a model, judged like anything else: by the family's grader, against a null."""
