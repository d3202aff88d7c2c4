TITLE = "Cost"
