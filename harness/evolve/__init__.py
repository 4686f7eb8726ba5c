"""Programs evolved by a model, judged by the family's grader, beside a search without a model."""
