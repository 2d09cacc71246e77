"""Registration: branches, Wadah, agents, outreach sessions, participants and their protection."""
