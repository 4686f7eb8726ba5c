"""What tests know of the settings of families."""

LATER = {  # came after instances were published without, or are left out where they ask nothing
    "rcpsp": ("pattern", "load", "witness"),
    "feasibility": ("confidence", "pattern", "machines", "shutdowns", "high"),
}
