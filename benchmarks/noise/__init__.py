"""What wrong labels cost, and what reviewing them brings back."""
