"""What joins several verbs."""
