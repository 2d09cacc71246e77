"""The rules of notices: who is told what and when, and how a message goes from queued to its end. Pure."""
