"""What the service costs, measured beside what others cost. ``python -m bench`` runs all; each module runs alone."""
