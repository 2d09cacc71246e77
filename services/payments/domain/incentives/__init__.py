"""What agents and Wadah earn by contributions: pure rules over lines of payments (domain.md section 7)."""
