"""What tests know of the settings of families."""

STATED = ("confidence",)
LATER = {  # came after instances were published without, or are left out where they ask nothing
    "rcpsp": ("pattern", "load", "witness", *STATED),
    "feasibility": ("confidence", "pattern", "machines", "shutdowns", "high"),
    **dict.fromkeys(
        (
            *("tardiness", "jobshop", "serving", "fair-queue", "placement", "temporal"),
            *("dag", "pods", "hoist", "allocation"),
        ),
        STATED,
    ),
    "calendar": ("density", "evidence", "indirect", "rumours"),
}
