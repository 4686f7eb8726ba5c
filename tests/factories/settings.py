"""What tests know of the settings of families."""

LATER = {"rcpsp": ("pattern", "load", "witness")}  # came after instances were published without
