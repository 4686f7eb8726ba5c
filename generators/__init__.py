"""Where instances come from: one generator a family, readers and writers of public formats."""
