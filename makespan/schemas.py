"""Models of answers for pydantic users, and JSON schemas of the files that Makespan writes.

`answer_model("rcpsp", instance)` is a pydantic model for `parse` of openai, instructor or
pydantic-ai, `model_of(ask.schema)` that of one step; `json_schema("board")` is the schema of a
file.
Only models need pydantic: `pip install 'makespan[schemas]'`.
"""

from harness.schemas.answers import answer_forms, answer_model, model_of
from harness.schemas.files import KINDS, json_schema

__all__ = ["KINDS", "answer_forms", "answer_model", "json_schema", "model_of"]
